//! What keeps an apply from its end: the documented exit code, and the old configuration goes on serving.

use machine::{Deployed, Kit};

/// How the machine is broken, how it is mended, what `opsctl apply` ends with, and a word of what it says.
struct Fault {
    name: &'static str,
    make: &'static str,
    mend: &'static str,
    code: i32,
    says: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "nginx is masked",
        make: "systemctl mask nginx",
        mend: "systemctl unmask nginx",
        code: 17,
        says: "systemctl unmask nginx",
    },
    Fault {
        name: "/etc is read-only",
        make: "mount --bind /etc /etc && mount -o remount,ro,bind /etc",
        mend: "umount /etc",
        code: 12,
        says: "/etc/",
    },
    Fault {
        name: "the disk is full",
        make: "cp -a /etc/nginx/codeintel /tmp/pieces && \
               mount -t tmpfs -o size=128k,mode=755 tmpfs /etc/nginx/codeintel && \
               cp -a /tmp/pieces/. /etc/nginx/codeintel && { cat /dev/zero > /etc/nginx/codeintel/filler || :; }",
        mend: "umount /etc/nginx/codeintel",
        code: 12,
        says: "No space left",
    },
    Fault {
        name: "a snippet breaks the syntax",
        make: "echo 'no_such_directive on;' > /etc/nginx/codeintel/snippets/server/bad.conf",
        mend: "rm /etc/nginx/codeintel/snippets/server/bad.conf",
        code: 11,
        says: "bad.conf:1",
    },
    Fault {
        name: "the key is not the certificate's",
        make: "cp -a /etc/ssl/mcp/key.pem /tmp/key.pem && cp /etc/ssl/mcp/ca-key.pem /etc/ssl/mcp/key.pem",
        mend: "cp -a /tmp/key.pem /etc/ssl/mcp/key.pem",
        code: 10,
        says: "is not the key of",
    },
    Fault {
        name: "the same line is edited by hand",
        make: "sed -i 's/http2_max_concurrent_streams .*;/http2_max_concurrent_streams 77;/' \
               $(grep -rl http2_max_concurrent_streams /etc/nginx/codeintel)",
        mend: "sed -i 's/http2_max_concurrent_streams .*;/http2_max_concurrent_streams 512;/' \
               $(grep -rl http2_max_concurrent_streams /etc/nginx/codeintel)",
        code: 16,
        says: "opsctl adopt",
    },
    Fault {
        name: "another apply runs",
        make: "(cd /etc/opsctl/codeintel && opsctl apply --yes >/dev/null 2>&1 &) ; sleep 1",
        mend: "while pgrep -x opsctl >/dev/null; do sleep 0.2; done",
        code: 15,
        says: "apply",
    },
];

#[test]
fn a_fault_of_the_machine_has_its_code_and_the_old_configuration_serves_on() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    deployed.change(300);
    for fault in FAULTS {
        let name = fault.name;
        deployed.machine.must(fault.make);
        let said = deployed.opsctl("apply --yes --lock-wait 0s");
        let all = format!("{name}: {}\n{}{}", said.code, said.out, said.talk);
        assert_eq!(said.code, fault.code, "{all}");
        assert!(all.contains(fault.says), "{all}");
        assert!(deployed.answers(), "{name}");
        deployed.machine.must(fault.mend);
    }
    deployed.apply();
    assert!(deployed.has(300));
}

#[test]
fn a_port_that_another_process_has_is_named_before_anything_is_changed() {
    let kit = Kit::from_environment();
    let deployed = Deployed::prepare(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    machine.must("systemd-run --unit squatter python3 -m http.server 443");
    machine.wait_for("curl -s http://127.0.0.1:443/ >/dev/null");
    let said = deployed.opsctl("apply --yes");
    assert_eq!(said.code, 17, "{}{}", said.out, said.talk);
    assert!(
        said.talk.contains("443") && said.talk.contains("python3"),
        "{}",
        said.talk
    );
    machine.must("test ! -e /etc/nginx/conf.d/codeintel.conf");
    machine.must("systemctl stop squatter");
    deployed.apply();
}
