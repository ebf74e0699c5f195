//! Where the files of a deployment go.

use crate::words::{AbsolutePath, Account, Name, WordError};

/// The kind of machine that a deployment is rendered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Debian's and Ubuntu's folders: pieces below `/etc/nginx` that the distribution's `nginx.conf` includes, units
    /// below `/etc/systemd`.
    Debian,
    /// Everything below one folder, with an `nginx.conf` of its own and no units: a deployment in the foreground.
    Private(PrivateLayout),
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
    /// The private folder, when the layout is one.
    pub fn private(&self) -> Option<&PrivateLayout> {
        match self {
            Self::Debian => None,
            Self::Private(private) => Some(private),
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
