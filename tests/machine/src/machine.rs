//! A machine: booted, asked, cut off, booted again.

use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::cgroup::Groups;
use crate::network::Network;
use crate::said::Said;
use crate::wait::until;

/// A Debian on a disk of its own: what it writes stays over a boot and is gone with this value, as is all that it runs.
#[derive(Debug)]
pub struct Machine {
    name: String,
    system: std::path::PathBuf,
    disk: TempDir,
    network: Network,
    running: Option<Running>,
    groups: Groups,
}

/// A machine that runs: the process around it, and its own first one.
#[derive(Debug)]
struct Running {
    around: Child,
    leader: u32,
}

impl Machine {
    /// Boots a copy of `system`, a folder with a whole Debian, and waits until its services are up.
    pub fn boot(system: &Path) -> Self {
        let disk = TempDir::with_prefix("machine-").expect("a temporary folder");
        for folder in ["upper", "work", "root"] {
            std::fs::create_dir(disk.path().join(folder)).expect("our own folder");
        }
        let number = number_of(disk.path());
        let name = format!("mek{number:08x}");
        let mut machine = Self {
            system: system.to_owned(),
            network: Network::free(number),
            groups: Groups::make(&name),
            running: None,
            name,
            disk,
        };
        machine.start();
        machine
    }

    /// Switches it on.
    ///
    /// Its process tree hangs below one `unshare`, whose end ends all of it, and which ends with this process however that
    /// ends. Its mounts are in a namespace that goes the same way.
    pub fn start(&mut self) {
        let (folder, name) = (self.disk.path().display(), &self.name);
        let system = self.system.display();
        let boot = format!(
            "mount -t overlay overlay -o lowerdir={system},upperdir={folder}/upper,workdir={folder}/work {folder}/root\n\
             systemd-nspawn --quiet --directory {folder}/root --machine {name} --register=no --keep-unit \
             --network-veth --resolv-conf=off --console=pipe --boot"
        );
        let script = format!(
            "set -e\n{}exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child=KILL --mount-proc \
             -- sh -ec \"$1\"",
            self.groups.enter()
        );
        let console = File::create(self.disk.path().join("console")).expect("our own folder");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", &boot]);
        // without it the old control groups of the host would be the machine's
        command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let around = command.stdout(console).spawn().expect("sh starts");
        let leader = until(|| leader_below(around.id()))
            .unwrap_or_else(|| panic!("the machine does not boot: {}", self.console()));
        self.running = Some(Running { around, leader });
        self.wire();
        self.wait_for("systemctl is-system-running | grep -qx running");
    }

    fn wire(&self) {
        let outside = self.network.outside(&format!("ve-{}", self.name));
        let mut link = Command::new("sh");
        let done = until(|| {
            let status = link
                .args(["-c", &outside])
                .output()
                .expect("sh starts")
                .status;
            status.success().then_some(())
        });
        assert!(done.is_some(), "the machine's link does not appear");
        self.wait_for(&self.network.inside());
    }

    /// Switches it off in order, and on again.
    pub fn reboot(&mut self) {
        self.power_off();
        self.start();
    }

    /// Switches it off in order.
    pub fn power_off(&mut self) {
        let _ = self.run("systemctl poweroff --no-block");
        let mut running = self.running.take().expect("it runs");
        let ended = until(|| running.around.try_wait().ok().flatten());
        running.end();
        assert!(ended.is_some(), "the machine does not power off");
    }

    /// Takes the power away: every process is gone at once, and nothing is told. What the kernel holds for the disk stays.
    pub fn cut_power(&mut self) {
        self.running.take().expect("it runs").end();
    }

    /// Its address on the link to the host.
    pub fn address(&self) -> Ipv4Addr {
        self.network.machine
    }

    /// Runs a shell script as root, and waits for its end.
    pub fn run(&self, script: &str) -> Said {
        self.run_with(script, b"")
    }

    /// The same with something to read on standard input.
    pub fn run_with(&self, script: &str, input: &[u8]) -> Said {
        let mut command = self.command(script);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nsenter starts");
        let mut pipe = child.stdin.take().expect("it is piped");
        // a script that does not read its input may have ended by now
        let _ = pipe.write_all(input);
        drop(pipe);
        child.wait_with_output().expect("it is ours").into()
    }

    /// A command that runs a shell script as root on the machine.
    pub fn command(&self, script: &str) -> Command {
        let leader = self.running.as_ref().expect("it runs").leader.to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &leader, "--all", "--"]);
        command.args([
            "env",
            "-i",
            "-C",
            "/root",
            PATH,
            "HOME=/root",
            "LANG=C.UTF-8",
            "TERM=dumb",
        ]);
        command.args(["sh", "-c", script]);
        command
    }

    /// Runs a shell script that has to succeed, and returns its standard output.
    pub fn must(&self, script: &str) -> String {
        let said = self.run(script);
        assert!(
            said.succeeded(),
            "`{script}` ended with {}:\n{}{}",
            said.code,
            said.out,
            said.talk
        );
        said.out
    }

    /// Runs a shell script again and again until it succeeds.
    pub fn wait_for(&self, script: &str) {
        let mut last = None;
        let done = until(|| {
            let said = self.run(script);
            let succeeded = said.succeeded();
            last = Some(said);
            succeeded.then_some(())
        });
        assert!(done.is_some(), "`{script}` never succeeds: {last:?}");
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let script = format!("mkdir -p \"$(dirname '{path}')\" && cat > '{path}'");
        let said = self.run_with(&script, text.as_ref());
        assert!(said.succeeded(), "{path}: {}", said.talk);
    }

    /// Copies a file of the host, with the rights to run it.
    pub fn install(&self, from: &Path, to: &str) {
        self.write(to, std::fs::read(from).expect("a file to install"));
        self.must(&format!("chmod 0755 '{to}'"));
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        self.must(&format!("cat '{path}'"))
    }

    fn console(&self) -> String {
        std::fs::read_to_string(self.disk.path().join("console")).unwrap_or_default()
    }
}

impl Running {
    fn end(mut self) {
        let _ = self.around.kill();
        let _ = self.around.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() && self.running.is_some() {
            let journal = self.run(JOURNAL);
            eprint_on_failure(&journal.out);
        }
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the runner shows it with the test that failed"
)]
fn eprint_on_failure(journal: &str) {
    eprintln!("the machine's journal ended with:\n{journal}");
}

/// The machine's first process: the chain below `unshare` has one process a link, and it is the one called systemd.
fn leader_below(process: u32) -> Option<u32> {
    let child = children(process).into_iter().next()?;
    let name = std::fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
    if name.trim_end() == "systemd" {
        Some(child)
    } else {
        leader_below(child)
    }
}

/// proc(5): `/proc/PID/task/TID/children`; none of these processes has a second thread.
fn children(process: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// A number from the temporary folder's name, which nobody else has: FNV-1a in 32 bits (RFC 9923, section 5).
fn number_of(path: &Path) -> u32 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// The end of the journal without the lines of single requests.
const JOURNAL: &str = "journalctl --no-pager | grep -v '\"target\":\"access\"' | tail -n 60";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
