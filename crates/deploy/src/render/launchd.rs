//! launchd's files: property lists, the scripts that they start, and the turning of logs.

use super::context::Fields;
use super::services::head;
use super::templates::Filler;
use super::{Component, Owner, RenderError, Rendered, RenderedDirectory, RenderedFile};
use crate::deployment::{Deployment, Site};
use crate::launchd::{Launchd, LaunchdKind};
use crate::unit::ServerUnit;
use crate::words::{AbsolutePath, Token};

/// Adds everything that launchd and newsyslog read, and the folders that the origins need.
pub(super) fn render(
    deployment: &Deployment,
    launchd: &Launchd,
    filler: &Filler,
    rendered: &mut Rendered,
) -> Result<(), RenderError> {
    let files = Files {
        deployment,
        launchd,
        filler,
    };
    for site in &deployment.sites {
        let fields = files.site(site);
        let origin = files.fill(
            "launchd/origin.plist.tera",
            "The service of an origin.",
            fields.clone(),
        )?;
        rendered
            .files
            .push(files.plist(&Launchd::origin_label(&site.name), origin));
        let start = files.fill("launchd/start.tera", "Starts an origin.", fields.clone())?;
        let path = files.start(site).to_string();
        rendered.files.push(files.file(path, start, 0o755));
        for unit in &site.units {
            let what = "The service of an MCP server, for one connection of the origin.";
            let fields = fields.clone().below("unit", &files.unit(site, unit));
            let server = files.fill("launchd/server.plist.tera", what, fields)?;
            rendered.files.push(files.plist(unit.name.as_str(), server));
        }
        rendered.directories.extend(files.folders(site));
    }
    let logs = Fields::default().list("logs", &files.logs());
    let turned = files.fill("launchd/newsyslog.conf.tera", "How logs are turned.", logs)?;
    let path = files.newsyslog();
    rendered.files.push(files.file(path, turned, 0o644));
    Ok(())
}

/// What every file of one rendering is made from.
struct Files<'d> {
    deployment: &'d Deployment,
    launchd: &'d Launchd,
    filler: &'d Filler,
}

impl Files<'_> {
    /// `values` are the fields that belong to this file alone.
    fn fill(
        &self,
        template: &'static str,
        what: &str,
        values: Fields,
    ) -> Result<String, RenderError> {
        // a comment of XML has no `--` (XML 1.0 section 2.5), and the name of a file may
        let spec = self.deployment.spec_file.as_str().replace("--", "-");
        let fields = head(self.deployment, what)
            .word("spec_file", &Token::composed(spec))
            .word("search_path", &self.launchd.search_path())
            .optional("virtual_env", self.launchd.virtual_env.as_ref())
            .words("path", &self.launchd.path)
            .and(values);
        self.filler.fill(template, fields)
    }

    fn site(&self, site: &Site) -> Fields {
        let stop = site.origin.graceful_timeout + std::time::Duration::from_secs(10);
        let label = Launchd::origin_label(&site.name);
        let fields = Fields::default()
            .word("label", &Token::composed(label))
            .word("start", &self.start(site))
            .word("executable", &site.origin_executable)
            .word("origin_toml", &site.origin_toml_path)
            .word("state", &self.state(site))
            .word("log", &self.launchd.log(&site.name))
            .optional("user", self.launchd.user(&site.name).as_ref())
            .word("stop_seconds", &Token::composed(stop.as_secs().to_string()));
        Fields::default().below("site", &fields)
    }

    fn unit(&self, site: &Site, unit: &ServerUnit) -> Fields {
        let count = |count: Option<u64>| count.map(|count| Token::composed(count.to_string()));
        let parted = unit
            .environment
            .iter()
            .filter_map(|variable| variable.as_str().split_once('='));
        let variables: Vec<_> = parted
            .clone()
            .map(|(name, value)| {
                Fields::default()
                    .word("name", &Token::composed(name))
                    .word("value", &Token::composed(value))
            })
            .collect();
        // the origin's own is what a server without a user has
        let own = (unit.user.as_str() == site.name.as_str()).then(|| self.launchd.user(&site.name));
        let user = own.unwrap_or_else(|| match self.launchd.kind {
            LaunchdKind::Daemon { .. } => Some(Token::composed(unit.user.as_str())),
            LaunchdKind::Agent { .. } => None,
        });
        Fields::default()
            .word("name", &unit.name)
            .word("server", &unit.server)
            .word("socket", &unit.socket)
            .words("command", &unit.command)
            .optional("working_directory", unit.working_directory.as_ref())
            .optional("user", user.as_ref())
            .flag("has_path", parted.clone().any(|(name, _)| name == "PATH"))
            .list("variables", &variables)
            .optional("open_files", count(unit.limits.open_files).as_ref())
            .optional("processes", count(unit.limits.processes).as_ref())
            .optional(
                "cpu_time",
                count(unit.limits.cpu_time.map(|time| time.as_secs())).as_ref(),
            )
    }

    fn start(&self, site: &Site) -> AbsolutePath {
        let folder = format!("etc/{}/start", site.name);
        self.launchd.homebrew.below(&folder)
    }

    fn state(&self, site: &Site) -> AbsolutePath {
        self.launchd
            .homebrew
            .below(&format!("var/lib/{}", site.name))
    }

    /// newsyslog reads that folder as root; an agent's person has to put the file there.
    fn newsyslog(&self) -> String {
        let name = &self.deployment.name;
        match self.launchd.kind {
            LaunchdKind::Daemon { .. } => format!("/etc/newsyslog.d/{name}.conf"),
            LaunchdKind::Agent { .. } => {
                format!("{}/etc/newsyslog.d/{name}.conf", self.launchd.homebrew)
            }
        }
    }

    /// The logs that grow with requests: those of origins, and the edge's.
    fn logs(&self) -> Vec<Fields> {
        let owner = |site: &Site| match self.launchd.user(&site.name) {
            Some(user) => Token::composed(format!("{user}:wheel")),
            // newsyslog then keeps the file's own
            None => Token::composed(""),
        };
        let origins = self.deployment.sites.iter().flat_map(|site| {
            let files = ["origin.log", "origin.err.log"]
                .map(|file| self.launchd.log(&site.name).below(file));
            let servers = site.units.iter().map(|unit| {
                self.launchd
                    .log(&site.name)
                    .below(&format!("mcp_{}.err.log", unit.server))
            });
            let all: Vec<_> = files.into_iter().chain(servers).collect();
            all.into_iter().map(move |file| (file, owner(site)))
        });
        let row = |(file, owner): (AbsolutePath, Token)| {
            Fields::default().word("file", &file).word("owner", &owner)
        };
        origins.map(row).collect()
    }

    /// The folders of sockets, state and logs. NGINX's workers are of the group `nobody`, and what is made in a folder has
    /// that folder's group.
    fn folders(&self, site: &Site) -> [RenderedDirectory; 3] {
        let run = self
            .launchd
            .homebrew
            .below(&format!("var/run/{}", site.name));
        let user = self.launchd.user(&site.name);
        let owned = |group| {
            let user = user.as_ref();
            user.map(|user| Owner::named(user.as_str(), group))
        };
        let folder = |path: AbsolutePath, mode, owner| RenderedDirectory {
            path: path.to_string(),
            mode,
            owner,
        };
        [
            folder(run, 0o750, owned("nobody")),
            folder(self.state(site), 0o700, owned("wheel")),
            folder(self.launchd.log(&site.name), 0o750, owned("wheel")),
        ]
    }

    fn plist(&self, label: &str, contents: String) -> RenderedFile {
        let path = self.launchd.plist(label);
        self.file(path, contents, 0o644)
    }

    fn file(&self, path: String, contents: String, mode: u32) -> RenderedFile {
        let root = || Owner::named("root", "wheel");
        RenderedFile {
            path,
            contents,
            mode,
            // launchd takes a daemon's file from root alone
            owner: matches!(self.launchd.kind, LaunchdKind::Daemon { .. }).then(root),
            component: Component::Services,
        }
    }
}
