//! `opsctl keys`: the API keys of an origin.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use api_keys::{Key, KeyFile, KeyId, Record};
use findings::{Finding, nearest};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::output;
use crate::cli::{Expiry, Format, Keys, KeysAdd, KeysCommand, KeysPlace, KeysRevoke};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::{self, accounts, files};
use crate::spec::SpecFile;
use crate::ui::table::{Cell, table};
use crate::ui::{Ui, printable};

/// Changes or shows the file of keys.
pub(crate) fn run(arguments: &Keys, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let place = Place::find(&arguments.place, spec)?;
    match &arguments.command {
        KeysCommand::Add(add) => self::add(add, &place, ui),
        KeysCommand::List => list(&place, ui),
        KeysCommand::Revoke(revoke) => self::revoke(revoke, &place, ui),
    }
}

/// Which file, and what is known of its origin.
struct Place {
    file: PathBuf,
    /// The name of the site, whose group reads the file; nothing for a file that was named itself.
    site: Option<String>,
    /// The servers of the spec.
    servers: Option<Vec<String>>,
}

impl Place {
    fn find(place: &KeysPlace, spec: &Path) -> Result<Self, CommandError> {
        if let Some(file) = &place.file {
            return Ok(Self {
                file: file.clone(),
                site: None,
                servers: None,
            });
        }
        let file = SpecFile::read(spec)?;
        let (parsed, _) = file.parse()?;
        let names: Vec<_> = parsed.sites.iter().map(|s| s.name.value.as_str()).collect();
        let index = match (&place.site, names.as_slice()) {
            (None, [_]) => 0,
            (None, _) => {
                let message = format!("the spec has the sites `{}`", names.join("`, `"));
                return Err(usage("keys.site", message, "name one with `--site`"));
            }
            (Some(site), _) => names.iter().position(|name| name == site).ok_or_else(|| {
                let message = format!("there is no site `{site}`");
                let hint = format!("the spec has `{}`", names.join("`, `"));
                usage("keys.site", message, &hint)
            })?,
        };
        let site = &parsed.sites[index];
        let Some(path) = &site.origin.api_keys_file else {
            let name = &site.name.value;
            let hint = format!(
                "write `api_keys_file = \"/etc/{name}/api-keys.toml\"` in `[origin]`, or name a file with `--file`"
            );
            let finding = Finding::error("keys.off", "this origin asks for no API keys");
            let finding = file.place(&file.site_key(index, "origin.api_keys_file"), finding);
            return Err(CommandError::finding(Exit::Spec, finding.hint(hint)));
        };
        let servers = site.origin.servers.iter();
        Ok(Self {
            file: path.clone(),
            site: Some(site.name.value.to_string()),
            servers: Some(servers.map(|server| server.name.clone()).collect()),
        })
    }

    /// The keys as they are; none where there is no file yet.
    fn read(&self) -> Result<KeyFile, CommandError> {
        if !self.file.exists() {
            return Ok(KeyFile::default());
        }
        let text = files::read_text(&self.file)?;
        let (file, report) = KeyFile::parse(&text, &self.file.display().to_string());
        file.ok_or_else(|| CommandError::found(Exit::Spec, report))
    }

    /// Puts the keys in the place of the old ones. The origin's group may read them, which tells it no key; a file that is
    /// there keeps its owner.
    fn write(&self, keys: &KeyFile) -> Result<(), CommandError> {
        let group = self.site.as_deref();
        let group = group.and_then(|site| accounts::first_group(&[site]));
        let group = group.filter(|_| host::is_root()).map(|(_, number)| number);
        let owner = files::owner(&self.file).unwrap_or((None, group));
        files::replace(files::NewFile {
            path: &self.file,
            contents: keys.write().as_bytes(),
            mode: 0o640,
            owner,
        })?;
        Ok(())
    }
}

fn add(arguments: &KeysAdd, place: &Place, ui: &mut Ui) -> Result<Exit, CommandError> {
    if let Some(known) = &place.servers {
        for server in &arguments.servers {
            if !known.contains(server) {
                let message = format!("there is no server `{server}`");
                let names = known.iter().map(String::as_str);
                let hint = match nearest(server, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the spec has `{}`", known.join("`, `")),
                };
                return Err(usage("keys.server", message, &hint));
            }
        }
    }
    let now = now();
    let expires = arguments.expires.map(|expiry| expiry.from(now));
    if let Some(expires) = expires.filter(|expires| *expires <= now) {
        let message = format!("the key would have expired at {expires}");
        return Err(usage(
            "keys.expires",
            message,
            "as `--expires 90d` or `--expires 2030-01-31`",
        ));
    }
    let _lock = files::lock_folder(&place.file)?;
    let mut keys = place.read()?;
    let key = fresh(&keys)?;
    let servers: BTreeSet<String> = arguments.servers.iter().cloned().collect();
    let record = Record {
        id: key.id().clone(),
        name: arguments.name.clone(),
        digest: key.digest(),
        servers: (!servers.is_empty()).then_some(servers),
        created: now,
        expires,
    };
    keys.keys.push(record.clone());
    place.write(&keys)?;
    if ui.format() == Format::Json {
        let mut document = shown(&record, now);
        document["key"] = Value::from(key.text());
        document["file"] = Value::from(place.file.display().to_string());
        output(ui.json(&document))?;
    } else {
        ui.say(format_args!(
            "key {} of {} is in {}; this is the only time that it is shown:",
            key.id(),
            printable(&record.name),
            place.file.display()
        ));
        output(ui.data(format_args!("{}\n", key.text())))?;
    }
    Ok(Exit::Done)
}

fn list(place: &Place, ui: &mut Ui) -> Result<Exit, CommandError> {
    let (keys, now) = (place.read()?.keys, now());
    if ui.format() == Format::Json {
        let keys: Vec<_> = keys.iter().map(|record| shown(record, now)).collect();
        let document = json!({ "file": place.file.display().to_string(), "keys": keys });
        output(ui.json(&document))?;
        return Ok(Exit::Done);
    }
    if keys.is_empty() {
        ui.say(format_args!("{} has no keys", place.file.display()));
        return Ok(Exit::Done);
    }
    let paint = ui.paint_out();
    let head = ["ID", "NAME", "SERVERS", "CREATED", "EXPIRES"];
    let mut rows = vec![
        head.map(|title| Cell::painted(title, |text| paint.bold(text)))
            .to_vec(),
    ];
    rows.extend(keys.iter().map(|record| {
        let servers = record.servers.as_ref();
        let servers = servers.map(|servers| servers.iter().cloned().collect::<Vec<_>>().join(","));
        let expires = match record.expires {
            None => Cell::plain("never"),
            Some(end) if end <= now => {
                Cell::painted(format!("{end} (expired)"), |text| paint.red(text))
            }
            Some(end) => Cell::plain(end.to_string()),
        };
        vec![
            Cell::plain(record.id.as_str()),
            Cell::plain(printable(&record.name)),
            Cell::plain(servers.unwrap_or_else(|| "all".to_owned())),
            Cell::plain(record.created.to_string()),
            expires,
        ]
    }));
    output(ui.data(table(&rows)))?;
    Ok(Exit::Done)
}

fn revoke(arguments: &KeysRevoke, place: &Place, ui: &mut Ui) -> Result<Exit, CommandError> {
    let _lock = files::lock_folder(&place.file)?;
    let mut keys = place.read()?;
    for id in &arguments.ids {
        if keys.record(id).is_none() {
            let message = format!("there is no key `{id}` in `{}`", place.file.display());
            return Err(usage(
                "keys.id",
                message,
                "`opsctl keys list` shows the ids",
            ));
        }
    }
    keys.keys
        .retain(|record| !arguments.ids.contains(&record.id));
    place.write(&keys)?;
    let ids: Vec<_> = arguments.ids.iter().map(KeyId::as_str).collect();
    match ui.format() {
        Format::Json => output(ui.json(&json!({ "ok": true, "revoked": ids })))?,
        Format::Human => ui.say(format_args!(
            "revoked {}; the origin ends what they have open within a second",
            ids.join(", ")
        )),
    }
    Ok(Exit::Done)
}

/// A key whose id no other one has.
fn fresh(keys: &KeyFile) -> Result<Key, CommandError> {
    loop {
        let (mut id, mut secret) = ([0; 4], [0; 32]);
        getrandom::fill(&mut id)
            .and_then(|()| getrandom::fill(&mut secret))
            .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        let key = Key::new(id, secret);
        if keys.record(key.id()).is_none() {
            return Ok(key);
        }
    }
}

/// What may be shown of a key: everything but the key.
fn shown(record: &Record, now: Timestamp) -> Value {
    json!({
        "id": record.id.as_str(),
        "name": record.name,
        "servers": record.servers,
        "created": record.created.to_string(),
        "expires": record.expires.map(|end| end.to_string()),
        "expired": record.expires.is_some_and(|end| end <= now),
    })
}

/// The time of day.
fn now() -> Timestamp {
    // Whole seconds: nobody reads more in a list.
    let seconds = i64::try_from(host::since_epoch().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn usage(id: &str, message: String, hint: &str) -> CommandError {
    CommandError::finding(Exit::Usage, Finding::error(id, message).hint(hint))
}

impl Expiry {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::In(time) => now.checked_add(time).unwrap_or(Timestamp::MAX),
            Self::At(time) => time,
        }
    }
}
