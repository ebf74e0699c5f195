//! Where the files of a deployment go.

use crate::launchd::Launchd;
use crate::render::Owner;
use crate::spec::Spec;
use crate::words::{AbsolutePath, Account, Name, WordError};

/// The kind of machine that a deployment is rendered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Debian's and Ubuntu's folders: pieces below `/etc/nginx` that the distribution's `nginx.conf` includes, units
    /// below `/etc/systemd`.
    Debian,
    /// Everything below one folder, with an `nginx.conf` of its own and no units: a deployment in the foreground.
    Private(PrivateLayout),
    /// Homebrew's folders and launchd's services, on a Mac.
    MacOs(Launchd),
}

/// An operating system that deployments are rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Debian and Ubuntu, with systemd.
    Linux,
    /// macOS, with launchd.
    MacOs,
}

/// A deployment below one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateLayout {
    /// The folder. Keep it short: Unix socket paths below it have to stay under 100 bytes.
    pub root: AbsolutePath,
    /// Whom NGINX's workers run as; none where NGINX itself is not started by root.
    pub worker_user: Option<WorkerUser>,
    /// The program of the origin.
    pub origin_executable: AbsolutePath,
}

/// An account with its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerUser {
    /// The user.
    pub user: Account,
    /// The group.
    pub group: Account,
}

/// The edge's paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The file that makes NGINX load everything else: `nginx.conf` of the private layout, or the distribution's.
    pub nginx_conf: AbsolutePath,
    /// The `http` part: maps, upstreams, servers.
    pub http_conf: AbsolutePath,
    /// The part for the main context.
    pub main_conf: AbsolutePath,
    /// Pieces and snippets.
    pub pieces: AbsolutePath,
    /// Sockets.
    pub run: AbsolutePath,
    /// Logs.
    pub log: AbsolutePath,
    /// The edge's access log, JSON lines.
    pub access_log: AbsolutePath,
    /// Temporary files of NGINX; used by the private layout only.
    pub temporary: AbsolutePath,
    /// What opsctl remembers. It is not `/var/lib/NAME`: systemd gives that to the origin's user (`StateDirectory=`), and
    /// what root obeys must not be anybody else's to write.
    pub state: AbsolutePath,
}

/// One origin's paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePaths {
    /// `origin.toml`.
    pub origin_toml: AbsolutePath,
    /// The socket of `bind` when the spec names none.
    pub socket: AbsolutePath,
    /// The socket of `admin_bind` when the spec names none.
    pub admin_socket: AbsolutePath,
    /// The certificate that opsctl makes: `chain.pem` and `key.pem` go here.
    pub tls: AbsolutePath,
    /// The key of `state_key_file` when the spec names none, in the folder that the origin may write.
    pub state_key: AbsolutePath,
}

impl Layout {
    /// The layout of a machine of its own.
    pub fn of(os: Os, spec: &Spec) -> Self {
        match os {
            Os::Linux => Self::Debian,
            Os::MacOs => Self::MacOs(spec.launchd.clone()),
        }
    }

    /// The private folder, when the layout is one.
    pub fn private(&self) -> Option<&PrivateLayout> {
        match self {
            Self::Private(private) => Some(private),
            Self::Debian | Self::MacOs(_) => None,
        }
    }

    /// What launchd is told, when the layout is a Mac's.
    pub fn launchd(&self) -> Option<&Launchd> {
        match self {
            Self::MacOs(launchd) => Some(launchd),
            Self::Debian | Self::Private(_) => None,
        }
    }

    /// Whether the Unix sockets that a spec names are on this kind of machine; where they are not they move to its own folder.
    pub(crate) fn has_sockets_of_spec(&self) -> bool {
        *self == Self::Debian
    }

    /// The program of the origin.
    pub(crate) fn origin_executable(&self) -> Result<AbsolutePath, WordError> {
        match self {
            // where Debian packages put programs
            Self::Debian => "/usr/bin/origin".parse(),
            Self::Private(private) => Ok(private.origin_executable.clone()),
            Self::MacOs(launchd) => launchd.homebrew.join("bin/origin"),
        }
    }

    /// Whose the files are that everybody may read; none: whoever writes them.
    pub(crate) fn file_owner(&self) -> Option<Owner> {
        match self {
            Self::Debian => Some(Owner::root()),
            // Homebrew's prefix is a person's
            Self::Private(_) | Self::MacOs(_) => None,
        }
    }

    /// The socket behind which a server with a unit of its own is started.
    pub(crate) fn server_socket(
        &self,
        site: &Name,
        server: &str,
    ) -> Result<AbsolutePath, WordError> {
        match self {
            Self::Debian => format!("/run/{site}/mcp_{server}.sock").parse(),
            Self::Private(private) => private.root.join(&format!("run/{site}-mcp_{server}.sock")),
            // nobody but the origin's user enters that folder
            Self::MacOs(launchd) => {
                let below = format!("var/lib/{site}/mcp_{server}.sock");
                launchd.homebrew.join(&below)
            }
        }
    }

    /// The paths of a deployment's edge.
    ///
    /// # Errors
    /// When the private folder is so long that a path below it is none.
    pub fn paths(&self, deployment: &Name) -> Result<Paths, WordError> {
        let at = |path: String| path.parse::<AbsolutePath>();
        Ok(match self {
            Self::Debian => Paths {
                nginx_conf: at("/etc/nginx/nginx.conf".to_owned())?,
                http_conf: at(format!("/etc/nginx/conf.d/{deployment}.conf"))?,
                main_conf: at(format!("/etc/nginx/modules-enabled/95-{deployment}.conf"))?,
                pieces: at(format!("/etc/nginx/{deployment}"))?,
                run: at(format!("/run/{deployment}"))?,
                log: at("/var/log/nginx".to_owned())?,
                access_log: at(format!("/var/log/nginx/{deployment}.access.log"))?,
                temporary: at("/var/lib/nginx".to_owned())?,
                state: at(format!("/var/lib/opsctl/{deployment}"))?,
            },
            Self::MacOs(launchd) => {
                let homebrew = &launchd.homebrew;
                let below = |path: &str| homebrew.join(path);
                Paths {
                    nginx_conf: below("etc/nginx/nginx.conf")?,
                    // Homebrew's nginx.conf includes `servers/*` within `http`
                    http_conf: below(&format!("etc/nginx/servers/{deployment}.conf"))?,
                    main_conf: below(&format!("etc/nginx/main/95-{deployment}.conf"))?,
                    pieces: below(&format!("etc/nginx/{deployment}"))?,
                    run: below(&format!("var/run/{deployment}"))?,
                    log: below("var/log/nginx")?,
                    access_log: below(&format!("var/log/nginx/{deployment}.access.log"))?,
                    temporary: below("var/run/nginx")?,
                    state: below(&format!("var/lib/opsctl/{deployment}"))?,
                }
            }
            Self::Private(private) => {
                let root = &private.root;
                Paths {
                    nginx_conf: root.join("nginx/nginx.conf")?,
                    http_conf: root.join(&format!("nginx/conf.d/{deployment}.conf"))?,
                    main_conf: root.join(&format!("nginx/main/95-{deployment}.conf"))?,
                    pieces: root.join(&format!("nginx/{deployment}"))?,
                    run: root.join("run")?,
                    log: root.join("log")?,
                    access_log: root.join(&format!("log/{deployment}.access.log"))?,
                    temporary: root.join("tmp")?,
                    state: root.join("state")?,
                }
            }
        })
    }

    /// The paths of one origin.
    ///
    /// # Errors
    /// When the private folder is so long that a path below it is none.
    pub fn site_paths(&self, site: &Name) -> Result<SitePaths, WordError> {
        let at = |path: String| path.parse::<AbsolutePath>();
        Ok(match self {
            Self::Debian => SitePaths {
                origin_toml: at(format!("/etc/{site}/origin.toml"))?,
                socket: at(format!("/run/{site}/origin.sock"))?,
                admin_socket: at(format!("/run/{site}/admin.sock"))?,
                tls: at(format!("/etc/{site}/tls"))?,
                // the unit's `StateDirectory=`
                state_key: at(format!("/var/lib/{site}/state.key"))?,
            },
            Self::MacOs(launchd) => {
                let below = |path: &str| launchd.homebrew.join(path);
                SitePaths {
                    origin_toml: below(&format!("etc/{site}/origin.toml"))?,
                    socket: below(&format!("var/run/{site}/origin.sock"))?,
                    admin_socket: below(&format!("var/run/{site}/admin.sock"))?,
                    tls: below(&format!("etc/{site}/tls"))?,
                    state_key: below(&format!("var/lib/{site}/state.key"))?,
                }
            }
            Self::Private(private) => {
                let root = &private.root;
                SitePaths {
                    origin_toml: root.join(&format!("{site}/origin.toml"))?,
                    socket: root.join(&format!("run/{site}.sock"))?,
                    admin_socket: root.join(&format!("run/{site}-admin.sock"))?,
                    tls: root.join(&format!("{site}/tls"))?,
                    state_key: root.join(&format!("{site}/state.key"))?,
                }
            }
        })
    }
}
