//! From an answer that names an alternative to that alternative, as a browser goes (RFC 7838).

use http::header::ALT_SVC;

use crate::{
    Answer, Ask, Connect, Head, ProbeError, Stage, Target, Version,
    alt_svc::{AltSvc, Entry, parse},
    fetch,
    wait::Limit,
};

/// What became of an offer of HTTP/3.
#[derive(Debug)]
pub struct Upgrade {
    /// The offer.
    pub entry: Entry,
    /// The answer over HTTP/3 from where it led.
    pub answer: Result<Answer, ProbeError>,
}

/// Takes up the first offer of `h3` in a response head, with a fresh connection. Nothing: it makes none that can be read.
pub async fn upgrade(target: &Target, head: &Head, ask: Ask) -> Option<Upgrade> {
    let entry = offer(head)?;
    let answer = match alternative(target, &entry).await {
        Ok(alternative) => fetch(&alternative, Version::Http3, ask).await,
        Err(error) => Err(error),
    };
    Some(Upgrade { entry, answer })
}

fn offer(head: &Head) -> Option<Entry> {
    let fields = head.headers.get_all(ALT_SVC).iter();
    let fields: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
    match parse(&fields.join(", ")).ok()? {
        AltSvc::Clear => None,
        AltSvc::Entries(entries) => entries.into_iter().find(|entry| entry.protocol == "h3"),
    }
}

/// The way to an alternative. It speaks for the same origin, under its name and with its certificate (RFC 7838, section 2.1).
async fn alternative(target: &Target, entry: &Entry) -> Result<Target, ProbeError> {
    let address = if let (Connect::Address(address), None) = (&target.connect, &entry.host) {
        let mut address = *address;
        address.set_port(entry.port);
        address
    } else {
        let host = entry.host.as_deref().unwrap_or(&target.host);
        let limit = Limit::new(Version::Http3, target.time_to_connect());
        let found = tokio::net::lookup_host((host, entry.port));
        let mut found = limit.try_on(Stage::Resolve, found).await?;
        found.next().ok_or_else(|| {
            let none = std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
            ProbeError::failed(Version::Http3, Stage::Resolve, none)
        })?
    };
    Ok(target.clone().with_connect(Connect::Address(address)))
}
