//! What the certificates say that an NGINX configuration names, as far as their files can be read here.

use std::path::PathBuf;

use deploy::lint::{Pair, Seen, pairs};
use deploy::nginx_conf::Config;
use jiff::Timestamp;
use probe::certificate::{facts, key_matches, read_chain, read_key};

use crate::host;

/// Looks at every certificate of a configuration; `place` says where the file of a name is. One that cannot be read is left
/// out: `nginx -t` says so, and who reads keys is root.
pub(crate) fn see(config: &Config, place: impl Fn(&str) -> Option<PathBuf>) -> Vec<Seen> {
    let pairs = pairs(config).into_iter();
    pairs.filter_map(|pair| see_one(pair, &place)).collect()
}

fn see_one(pair: Pair, place: impl Fn(&str) -> Option<PathBuf>) -> Option<Seen> {
    let read = |name: &str| std::fs::read(place(name)?).ok();
    let chain = read_chain(&read(&pair.certificate)?).ok()?;
    let facts = facts(chain.first()?).ok()?;
    let key = read(&pair.key).and_then(|pem| read_key(&pem).ok());
    let is_of_key = key.and_then(|key| key_matches(&chain, &key).ok());
    let end = Timestamp::from_second(facts.not_after).ok()?;
    let now = Timestamp::try_from(host::now()).ok()?;
    Some(Seen {
        pair,
        ended: (end < now).then(|| end.strftime("%F").to_string()),
        names: facts.names,
        is_of_key,
    })
}
