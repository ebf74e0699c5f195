//! A machine: booted, asked, cut off, booted again.

use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;

use crate::cgroup::Groups;
use crate::kit::folder;
use crate::network::Network;
use crate::said::Said;
use crate::wait::until;

/// A Debian on a disk of its own: what it writes stays over a boot and is gone with this value, as is all that it runs.
#[derive(Debug)]
pub struct Machine {
    name: String,
    layers: Vec<PathBuf>,
    disk: TempDir,
    network: Network,
    running: Option<Running>,
    groups: Groups,
    /// What was noted on the way, for whoever reads why a test failed.
    notes: Mutex<Vec<String>>,
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
        Self::boot_layers(vec![system.to_owned()])
    }

    /// The same of layers, the topmost first: each a folder with what it changes in those after it.
    pub(crate) fn boot_layers(layers: Vec<PathBuf>) -> Self {
        let disk = tempfile::Builder::new()
            .prefix("disk-")
            .tempdir_in(folder())
            .expect("a temporary folder");
        for folder in ["upper", "work", "root"] {
            std::fs::create_dir(disk.path().join(folder)).expect("our own folder");
        }
        let number = number_of(disk.path());
        let name = format!("mek{number:08x}");
        let mut machine = Self {
            layers,
            network: Network::free(number),
            groups: Groups::make(&name),
            running: None,
            notes: Mutex::default(),
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
        let layers: Vec<_> = self
            .layers
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let layers = layers.join(":");
        let boot = format!(
            "mount -t overlay overlay -o lowerdir={layers},upperdir={folder}/upper,workdir={folder}/work {folder}/root\n\
             systemd-nspawn --quiet --directory {folder}/root --machine {name} --register=no --keep-unit \
             --network-veth --resolv-conf=off --console=pipe --boot"
        );
        let script = format!(
            "set -e\n{}exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child=KILL --mount-proc \
             -- sh -ec \"$1\"",
            self.groups.enter()
        );
        let console = File::create(self.disk.path().join("console")).expect("our own folder");
        let errors = console.try_clone().expect("a second handle");
        let link = Path::new("/sys/class/net").join(self.link());
        let gone = until(|| (!link.exists()).then_some(()));
        assert!(gone.is_some(), "the link of the machine's last life stays");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", &boot]);
        // without it the old control groups of the host would be the machine's
        command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command.stdin(Stdio::null()).stderr(errors);
        let around = command.stdout(console).spawn().expect("sh starts");
        let leader = until(|| leader_below(around.id()))
            .unwrap_or_else(|| panic!("the machine does not boot: {}", self.console()));
        self.running = Some(Running { around, leader });
        self.wire();
        self.wait_for("systemctl is-system-running | grep -qx running");
    }

    /// The host's end of its link, as systemd-nspawn calls it.
    fn link(&self) -> String {
        format!("ve-{}", self.name)
    }

    fn wire(&self) {
        let outside = self.network.outside(&self.link());
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

    /// Switches it off in order, and keeps what it wrote as a layer at `path`.
    pub(crate) fn into_layer(mut self, path: &Path) {
        self.power_off();
        std::fs::rename(self.disk.path().join("upper"), path).expect("one file system");
    }

    /// Notes what was done, for whoever reads why a test failed.
    pub(crate) fn note(&self, line: String) {
        self.notes.lock().expect("nobody panics with it").push(line);
    }

    /// Says what is known to whoever reads why a test failed.
    #[expect(
        clippy::print_stderr,
        reason = "the runner shows it with the test that failed"
    )]
    fn explain(&self) {
        for note in self.notes.lock().iter().flat_map(|notes| notes.iter()) {
            eprintln!("{note}");
        }
        if self.running.is_some() {
            for (what, script) in LOGS {
                eprintln!("{what} ended with:\n{}", self.run(script).out);
            }
        } else {
            eprintln!(
                "the machine was off; its console ended with:\n{}",
                self.console()
            );
        }
    }

    fn console(&self) -> String {
        std::fs::read_to_string(self.disk.path().join("console")).unwrap_or_default()
    }
}

impl Running {
    /// Ends all that runs. The first process of the namespace is killed, not the one around it: that one ends only when the
    /// whole namespace is gone, and with it whatever holds the disk, the link and the control group.
    fn end(mut self) {
        let inside = children(self.around.id());
        for process in &inside {
            let _ = Command::new("kill")
                .args(["-KILL", &process.to_string()])
                .output();
        }
        if inside.is_empty() {
            let _ = self.around.kill();
        }
        let _ = self.around.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.explain();
        }
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
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

/// What a machine has to say: of the journal the end without the lines of single requests.
const LOGS: &[(&str, &str)] = &[
    (
        "the machine's journal",
        "journalctl --no-pager | grep -v -e '\"target\":\"access\"' -e 'upstream call' | tail -n 60",
    ),
    (
        "NGINX's error log",
        "tail -q -n 20 /var/log/nginx/error.log /var/log/nginx/*.error.log",
    ),
];
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
