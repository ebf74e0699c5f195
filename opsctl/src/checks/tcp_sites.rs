//! `tcp-sites`: each other site on the port is reached by its names, and offers no HTTP/3 there.

use deploy::words::ServerName;
use deploy::{Deployment, TcpSite};
use http::StatusCode;
use http::header::ALT_SVC;
use probe::{Ask, CertificateDer, Connection, Target, Trust, Version, certificate};
use tokio::task::JoinSet;

use super::aim::Aim;
use super::alt_svc::named_port;
use super::ask::fetch;
use super::verdict::{Status, Verdict, sentence};

/// One name of one site.
#[derive(Debug, Clone)]
pub(crate) struct TcpSiteAim {
    /// The edge under that name; what the site shows is for its own clients to believe.
    target: Target,
    /// The site, for details.
    site: String,
    /// Whether its certificate should have the name.
    is_own_name: bool,
}

/// What a name showed.
#[derive(Debug)]
pub(crate) struct Seen {
    name: String,
    site: String,
    is_own_name: bool,
    /// The leaf; why there was none.
    leaf: Result<CertificateDer<'static>, String>,
    /// The answer to a request, where the site speaks HTTP/1.1: its status, and the port where it offers HTTP/3.
    answer: Option<(StatusCode, Option<u16>)>,
}

/// Aims at every name of every site; `edge` is the way to the edge.
pub(crate) fn aims(deployment: &Deployment, edge: &Target) -> Vec<TcpSiteAim> {
    let Some(routing) = deployment.edge.routing() else {
        return Vec::new();
    };
    let aim = |site: &TcpSite, host: String, is_own_name| {
        let mut target = Target::new(edge.scheme, host, edge.port).with_trust(Trust::Any);
        target.connect = edge.connect.clone();
        TcpSiteAim {
            target,
            site: site.name.to_string(),
            is_own_name,
        }
    };
    let sites = routing.sites.iter();
    sites
        .flat_map(|site| {
            let named = site.server_names.iter().map(ServerName::example);
            let named = named.map(|host| aim(site, host, true));
            let is_default = routing.default.as_ref() == Some(&site.name);
            // RFC 2606 section 2: nobody has a name below it
            let unknown = is_default.then(|| aim(site, "opsctl.invalid".to_owned(), false));
            named.chain(unknown).collect::<Vec<_>>()
        })
        .collect()
}

/// Asks for every name at once, and the origin for its own.
pub(crate) async fn gather(aim: &Aim) -> (Vec<Seen>, Option<CertificateDer<'static>>) {
    let mut asked = JoinSet::new();
    for (index, site) in aim.tcp_sites.iter().cloned().enumerate() {
        asked.spawn(async move { (index, ask(site).await) });
    }
    let mut seen = asked.join_all().await;
    seen.sort_by_key(|(index, _)| *index);
    let mut origin = aim.edge.clone();
    origin.trust = Trust::Any;
    let own = fetch(&origin, Version::Http1, Ask::get("/healthz")).await;
    let own = own
        .ok()
        .and_then(|answer| answer.tls?.chain.into_iter().next());
    (seen.into_iter().map(|(_, seen)| seen).collect(), own)
}

async fn ask(aim: TcpSiteAim) -> Seen {
    let mut seen = Seen {
        name: aim.target.host.clone(),
        site: aim.site,
        is_own_name: aim.is_own_name,
        leaf: Err("no certificate was seen".to_owned()),
        answer: None,
    };
    let mut connection = match Box::pin(Connection::open(&aim.target, Version::Http1)).await {
        Ok(connection) => connection,
        Err(error) => {
            seen.leaf = Err(sentence(&error));
            return seen;
        }
    };
    if let Some(leaf) = connection.tls().and_then(|tls| tls.chain.first()) {
        seen.leaf = Ok(leaf.clone());
    }
    // one that speaks something else answers nothing that can be read
    if let Ok(stream) = connection.send(Ask::get("/")).await {
        let head = stream.head();
        let mut fields = head.headers.get_all(ALT_SVC).iter();
        let port = fields.find_map(|field| named_port(field.to_str().ok()?));
        seen.answer = Some((head.status, port));
    }
    seen
}

/// Passes when every name shows a certificate that is not the origin's, or one that both have where the origin is not who
/// answers: it refuses foreign names with 421. While a change is proved a site that nobody reaches is a warning: it is somebody
/// else's, and no reason to take the change back.
pub(crate) fn judge(
    seen: &[Seen],
    origin: Option<&CertificateDer<'static>>,
    public_port: u16,
    settling: bool,
) -> Verdict {
    let judged: Vec<_> = seen
        .iter()
        .map(|seen| judge_one(seen, origin, public_port, settling))
        .collect();
    let worst = judged.iter().map(|verdict| verdict.status).max();
    let worst = worst.unwrap_or(Status::Skip);
    if worst == Status::Pass {
        let names: Vec<_> = seen.iter().map(|seen| format!("`{}`", seen.name)).collect();
        return Verdict::pass(format!("reached by name: {}", names.join(", ")));
    }
    let told = judged.into_iter().filter(|verdict| verdict.status == worst);
    let told: Vec<_> = told.map(|verdict| verdict.detail).collect();
    Verdict::new(worst, told.join("; "))
}

fn judge_one(
    seen: &Seen,
    origin: Option<&CertificateDer<'static>>,
    public_port: u16,
    settling: bool,
) -> Verdict {
    let Seen { name, site, .. } = seen;
    let leaf = match &seen.leaf {
        Ok(leaf) => leaf,
        Err(why) => {
            let detail = format!("`{name}` does not reach `{site}`: {why}");
            return if settling {
                Verdict::warn(detail)
            } else {
                Verdict::fail(detail)
            };
        }
    };
    let names = certificate::facts(leaf).map_or_else(|_| Vec::new(), |facts| facts.names);
    let has_name = names.iter().any(|own| covers(own, name));
    let misdirected = matches!(seen.answer, Some((StatusCode::MISDIRECTED_REQUEST, _)));
    if origin == Some(leaf) && (misdirected || !has_name) {
        return Verdict::fail(format!("`{name}` reaches the origin, not `{site}`"));
    }
    if seen.is_own_name && !has_name {
        let names = names.join("`, `");
        return Verdict::warn(format!(
            "`{site}` shows a certificate without the name `{name}`: it has `{names}`"
        ));
    }
    match seen.answer {
        Some((_, Some(port))) if port == public_port => Verdict::warn(format!(
            "`{site}` offers HTTP/3 on port {port} to clients of `{name}`, where UDP is the origin's: they try it in vain"
        )),
        _ => Verdict::pass("reached"),
    }
}

/// Whether a name of a certificate stands for a host: RFC 9525 section 6.3 has a wildcard for one label.
fn covers(own: &str, host: &str) -> bool {
    let below = own.strip_prefix("*.");
    own.eq_ignore_ascii_case(host)
        || below.is_some_and(|below| {
            let rest = host.split_once('.').map(|(_, rest)| rest);
            rest.is_some_and(|rest| rest.eq_ignore_ascii_case(below))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(names: &[&str]) -> CertificateDer<'static> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        made.cert.into()
    }

    fn seen(
        leaf: Result<&CertificateDer<'static>, &str>,
        answer: Option<(u16, Option<u16>)>,
    ) -> Seen {
        Seen {
            name: "blog.example".to_owned(),
            site: "blog".to_owned(),
            is_own_name: true,
            leaf: leaf.cloned().map_err(str::to_owned),
            answer: answer
                .map(|(status, port)| (StatusCode::from_u16(status).expect("a status"), port)),
        }
    }

    fn status(seen: Seen, origin: &CertificateDer<'static>) -> Status {
        judge(&[seen], Some(origin), 443, false).status
    }

    #[test]
    fn a_site_shows_a_certificate_of_its_own() {
        let (own, origin) = (leaf(&["blog.example"]), leaf(&["mcp.example"]));
        assert_eq!(status(seen(Ok(&own), None), &origin), Status::Pass);
        assert_eq!(
            status(seen(Ok(&leaf(&["*.example"])), None), &origin),
            Status::Pass
        );
        assert_eq!(status(seen(Ok(&origin), None), &origin), Status::Fail);
        assert_eq!(
            status(seen(Ok(&leaf(&["other.example"])), None), &origin),
            Status::Warn
        );
    }

    #[test]
    fn where_both_have_one_certificate_the_answer_tells_them_apart() {
        let shared = leaf(&["*.example"]);
        assert_eq!(
            status(seen(Ok(&shared), Some((200, None))), &shared),
            Status::Pass
        );
        assert_eq!(
            status(seen(Ok(&shared), Some((421, None))), &shared),
            Status::Fail
        );
    }

    #[test]
    fn http3_on_the_origins_port_is_a_warning() {
        let (own, origin) = (leaf(&["blog.example"]), leaf(&["mcp.example"]));
        let offers = |port| status(seen(Ok(&own), Some((200, Some(port)))), &origin);
        assert_eq!((offers(443), offers(8443)), (Status::Warn, Status::Pass));
    }

    #[test]
    fn a_site_that_is_down_fails_a_verification_and_no_change() {
        let origin = leaf(&["mcp.example"]);
        let down = || [seen(Err("connection reset"), None)];
        assert_eq!(
            judge(&down(), Some(&origin), 443, false).status,
            Status::Fail
        );
        let verdict = judge(&down(), Some(&origin), 443, true);
        assert_eq!(verdict.status, Status::Warn);
        assert_eq!(
            verdict.detail,
            "`blog.example` does not reach `blog`: connection reset"
        );
    }
}
