//! A Mac: Homebrew's folders, and services of launchd.

use crate::words::{AbsolutePath, Account, Name, Token};

/// `[launchd]`, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launchd {
    /// When services run, and as whom.
    pub kind: LaunchdKind,
    /// `homebrew`: what `brew --prefix` says.
    pub homebrew: AbsolutePath,
    /// `virtual_env`: a Python environment whose programs the MCP servers are, or use.
    pub virtual_env: Option<AbsolutePath>,
    /// `path`: folders of programs, searched before the others.
    pub path: Vec<AbsolutePath>,
}

/// `kind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchdKind {
    /// `daemon`: from the start of the machine.
    Daemon {
        /// `user`: whose all origins are; each site has its own, `_SITE`, when absent.
        user: Option<Account>,
    },
    /// `agent`: while a person is logged in.
    Agent {
        /// `home`: that person's home directory.
        home: AbsolutePath,
    },
}

impl Launchd {
    /// What the programs of an origin are searched in beside `path` and `virtual_env`.
    pub(crate) fn search_path(&self) -> Token {
        let homebrew = &self.homebrew;
        Token::composed(format!(
            "{homebrew}/bin:{homebrew}/sbin:/usr/bin:/bin:/usr/sbin:/sbin"
        ))
    }

    /// Who runs the origin of a site; nobody is named for an agent, which is the person's.
    pub(crate) fn user(&self, site: &Name) -> Option<Token> {
        match &self.kind {
            LaunchdKind::Daemon { user: Some(user) } => Some(Token::composed(user.as_str())),
            // accounts of services begin with `_` on macOS
            LaunchdKind::Daemon { user: None } => Some(Token::composed(format!("_{site}"))),
            LaunchdKind::Agent { .. } => None,
        }
    }

    /// The path of the property list of a service.
    pub fn plist(&self, label: &str) -> String {
        match &self.kind {
            LaunchdKind::Daemon { .. } => format!("/Library/LaunchDaemons/{label}.plist"),
            LaunchdKind::Agent { home } => format!("{home}/Library/LaunchAgents/{label}.plist"),
        }
    }

    /// The folder of the logs of a site.
    pub fn log(&self, site: &Name) -> AbsolutePath {
        self.homebrew.below(&format!("var/log/{site}"))
    }

    /// What launchd calls the origin of a site.
    pub fn origin_label(site: &Name) -> String {
        format!("{site}-origin")
    }

    /// What `brew services` calls NGINX.
    pub const NGINX_LABEL: &'static str = "homebrew.mxcl.nginx";
}
