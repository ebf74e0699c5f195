//! What keeps an apply from its end: the documented exit code, the next command, and the old configuration goes on serving.

use machine::{Deployed, Kit, served_meanwhile};

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
        name: "nginx is not installed",
        make: "mv /usr/sbin/nginx /usr/sbin/nginx.gone",
        mend: "mv /usr/sbin/nginx.gone /usr/sbin/nginx",
        code: 17,
        says: "install NGINX",
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
        name: "the disk of opsctl's memory is full",
        make: "cp -a /var/lib/opsctl/codeintel /tmp/memory && \
               mount -t tmpfs -o size=256k,mode=700 tmpfs /var/lib/opsctl/codeintel && \
               cp -a /tmp/memory/. /var/lib/opsctl/codeintel && { cat /dev/zero > /var/lib/opsctl/codeintel/filler || :; }",
        mend: "umount /var/lib/opsctl/codeintel",
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
        name: "another site has the server name",
        make: "echo 'server { listen 0.0.0.0:80; server_name mcp.example.com; }' > /etc/nginx/sites-enabled/other",
        mend: "rm /etc/nginx/sites-enabled/other",
        code: 11,
        says: "/etc/nginx/sites-enabled/other:1",
    },
    Fault {
        name: "the key is not the certificate's",
        make: "cp -a /etc/ssl/mcp/key.pem /tmp/key.pem && cp /etc/ssl/mcp/ca-key.pem /etc/ssl/mcp/key.pem",
        mend: "cp -a /tmp/key.pem /etc/ssl/mcp/key.pem",
        code: 10,
        says: "is not the key of",
    },
    Fault {
        name: "the certificate has expired",
        make: "cp -a /etc/ssl/mcp/chain.pem /tmp/chain.pem && cd /etc/ssl/mcp && openssl req -x509 -key key.pem \
               -subj /CN=mcp.example.com -addext subjectAltName=DNS:mcp.example.com -out chain.pem \
               -not_before 20250101000000Z -not_after 20250201000000Z",
        mend: "cp -a /tmp/chain.pem /etc/ssl/mcp/chain.pem",
        code: 10,
        says: "renew it",
    },
    Fault {
        name: "the same line is edited by hand",
        make: "sed -i.hand 's/http2_max_concurrent_streams .*;/http2_max_concurrent_streams 77;/' \
               /etc/nginx/codeintel/connection.conf",
        mend: "mv /etc/nginx/codeintel/connection.conf.hand /etc/nginx/codeintel/connection.conf",
        code: 16,
        says: "opsctl adopt",
    },
    Fault {
        name: "another line is edited by hand, and wrongly",
        make: "sed -i.hand 's/client_max_body_size .*;/client_max_body_size sixteen;/' /etc/nginx/conf.d/codeintel.conf",
        mend: "mv /etc/nginx/conf.d/codeintel.conf.hand /etc/nginx/conf.d/codeintel.conf",
        code: 11,
        says: "/etc/nginx/conf.d/codeintel.conf:",
    },
    Fault {
        name: "the new workers cannot have a port",
        make: "systemd-run --quiet --unit squatter python3 -m http.server --bind 127.0.0.1 8099 && \
               until curl -s http://127.0.0.1:8099/ >/dev/null; do sleep 0.1; done && \
               echo 'server { listen 127.0.0.1:8099; }' > /etc/nginx/codeintel/snippets/http/port.conf",
        mend: "rm /etc/nginx/codeintel/snippets/http/port.conf && systemctl stop squatter",
        code: 12,
        says: "Address already in use",
    },
    Fault {
        name: "another process has the port that the spec asks for",
        make: "cp -a /etc/opsctl/codeintel/deploy.toml /tmp/deploy.toml && \
               sed -i 's/^https_port .*/https_port = 8443/' /etc/opsctl/codeintel/deploy.toml && \
               systemd-run --quiet --unit squatter python3 -m http.server 8443 && \
               until curl -s http://127.0.0.1:8443/ >/dev/null; do sleep 0.1; done",
        mend: "cp -a /tmp/deploy.toml /etc/opsctl/codeintel/deploy.toml && systemctl stop squatter",
        code: 17,
        says: "python3",
    },
    Fault {
        name: "the origin cannot read its configuration any more",
        make: "chmod 0600 /etc/codeintel/origin.toml && cp -a /etc/opsctl/codeintel/deploy.toml /tmp/deploy.toml && \
               sed -i 's/^\\[origin\\]$/[origin]\\ninclude_server_header = true/' /etc/opsctl/codeintel/deploy.toml",
        mend: "chmod 0640 /etc/codeintel/origin.toml && cp -a /tmp/deploy.toml /etc/opsctl/codeintel/deploy.toml",
        code: 12,
        says: "systemctl reload -- codeintel-origin.service",
    },
    Fault {
        name: "a snippet takes the streaming away",
        make: "echo 'location = /mcp/sse { include /etc/nginx/codeintel/proxy.conf; proxy_buffering on; \
               proxy_ignore_headers X-Accel-Buffering; proxy_pass http://mcp_codeintel__codeintel; }' \
               > /etc/nginx/codeintel/snippets/server/clumps.conf",
        mend: "rm /etc/nginx/codeintel/snippets/server/clumps.conf",
        code: 11,
        says: "snippets/server/clumps.conf:1",
    },
    Fault {
        name: "a snippet answers in place of the origin",
        make: "echo 'location = /mcp/sse { return 204; }' > /etc/nginx/codeintel/snippets/server/short.conf",
        mend: "rm /etc/nginx/codeintel/snippets/server/short.conf",
        code: 14,
        says: "snippets/server/short.conf",
    },
];

#[test]
fn a_fault_of_the_machine_has_its_code_and_the_old_configuration_serves_on() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    deployed.change(300);
    let before = deployed.machine.must(INSTALLED);
    for fault in FAULTS {
        let name = fault.name;
        deployed.machine.must(fault.make);
        let said = served_meanwhile(&deployed.machine, name, || {
            deployed.opsctl("apply --yes --lock-wait 0s")
        });
        let all = format!("{name}: {}\n{}{}", said.code, said.out, said.talk);
        assert_eq!(said.code, fault.code, "{all}");
        assert!(all.contains(fault.says), "{all}");
        deployed.machine.must(fault.mend);
        assert_eq!(deployed.machine.must(INSTALLED), before, "{name}");
    }
    served_meanwhile(&deployed.machine, "two at once", || {
        one_at_a_time(&deployed);
    });
}

/// Of two applies at once the second one names the first, which goes on.
fn one_at_a_time(deployed: &Deployed) {
    let machine = &deployed.machine;
    machine.must(
        "cd /etc/opsctl/codeintel; (opsctl apply --yes; echo $? >/tmp/code) >/tmp/first 2>&1 & \
         until ! flock --nonblock /var/lib/opsctl/codeintel/lock true; do sleep 0.05; done",
    );
    let said = deployed.opsctl("apply --yes --lock-wait 0s");
    assert_eq!(said.code, 15, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("--lock-wait"), "{}", said.talk);
    machine.wait_for("test -s /tmp/code");
    assert_eq!(
        machine.read("/tmp/code"),
        "0\n",
        "{}",
        machine.read("/tmp/first")
    );
    assert!(deployed.has(300) && deployed.answers());
}

/// The files that opsctl installed, with what is in them.
const INSTALLED: &str = "cd /etc && find nginx codeintel systemd/system sysusers.d tmpfiles.d -type f | sort | xargs sha256sum";

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
