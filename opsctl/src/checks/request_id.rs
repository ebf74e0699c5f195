//! `request-id`: a valid id from the client comes back once, an invalid one is replaced, and nobody shares one.

use probe::{Ask, ProbeError, Version};

use super::aim::Aim;
use super::ask::fetch;
use super::verdict::{Verdict, sentence};

/// The ids on the answers to four requests of one version.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    /// The valid id that was sent.
    pub(crate) sent: String,
    /// What came back for it: every `X-Request-ID` of the head.
    pub(crate) kept: Vec<String>,
    /// What came back for an id that is not valid.
    pub(crate) replaced: Vec<String>,
    /// What came back for two requests without an id.
    pub(crate) made: [Vec<String>; 2],
}

/// Sends the four requests.
pub(crate) async fn gather(aim: &Aim, version: Version, sent: String) -> Result<Ids, String> {
    let ids = async |id: Option<&str>| -> Result<Vec<String>, ProbeError> {
        let ask = Ask::get("/healthz");
        let ask = match id {
            Some(id) => ask.with_header(HEADER, id)?,
            None => ask,
        };
        let answer = fetch(&aim.edge, version, ask).await?;
        let values = answer.head.headers.get_all(HEADER).iter();
        Ok(values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect())
    };
    let seen = async {
        Ok::<_, ProbeError>(Ids {
            kept: ids(Some(&sent)).await?,
            replaced: ids(Some(INVALID)).await?,
            made: [ids(None).await?, ids(None).await?],
            sent,
        })
    };
    seen.await.map_err(|error| sentence(&error))
}

/// Passes when each answer has exactly one valid id, the valid one was kept and the others are new.
pub(crate) fn judge(seen: &Result<Ids, String>) -> Verdict {
    let ids = match seen {
        Err(error) => return Verdict::fail(error.clone()),
        Ok(ids) => ids,
    };
    for (what, values) in [
        ("a valid id", &ids.kept),
        ("an id that is not valid", &ids.replaced),
        ("no id", &ids.made[0]),
        ("no id", &ids.made[1]),
    ] {
        if values.len() != 1 {
            return Verdict::fail(format!(
                "a request with {what} was answered with {} `X-Request-ID` fields, not one",
                values.len()
            ));
        }
        if !is_valid(&values[0]) {
            return Verdict::fail(format!(
                "a request with {what} was answered with `{}`",
                values[0]
            ));
        }
    }
    if ids.kept[0] != ids.sent {
        return Verdict::fail(format!(
            "the id `{}` of the client became `{}`",
            ids.sent, ids.kept[0]
        ));
    }
    if ids.made[0] == ids.made[1] || ids.made[0] == ids.replaced {
        return Verdict::fail(format!(
            "two requests were given the same id `{}`",
            ids.made[0][0]
        ));
    }
    Verdict::pass("kept, replaced and made as it should be")
}

/// The rule that edge and origin share: `^[A-Za-z0-9._:-]{1,128}$`.
fn is_valid(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

const HEADER: &str = "x-request-id";
/// Not valid: a space, a brace and a dollar sign, as one who tries to break a log line would send.
const INVALID: &str = "not valid {$}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn ids() -> Ids {
        let one = |id: &str| vec![id.to_owned()];
        Ids {
            sent: "mine".into(),
            kept: one("mine"),
            replaced: one("a1"),
            made: [one("a2"), one("a3")],
        }
    }

    fn status(change: impl FnOnce(&mut Ids)) -> Status {
        let mut ids = ids();
        change(&mut ids);
        judge(&Ok(ids)).status
    }

    #[test]
    fn ids_as_they_should_be_pass() {
        assert_eq!(status(|_| {}), Status::Pass);
    }

    #[test]
    fn an_id_that_was_thrown_away_fails() {
        assert_eq!(status(|ids| ids.kept = vec!["other".into()]), Status::Fail);
    }

    #[test]
    fn an_id_that_is_not_valid_must_not_come_back() {
        assert_eq!(
            status(|ids| ids.replaced = vec![INVALID.into()]),
            Status::Fail
        );
    }

    #[test]
    fn an_id_comes_exactly_once() {
        assert_eq!(status(|ids| ids.kept.push("mine".into())), Status::Fail);
        assert_eq!(status(|ids| ids.made[1].clear()), Status::Fail);
    }

    #[test]
    fn two_requests_never_share_an_id() {
        assert_eq!(
            status(|ids| ids.made[1] = ids.made[0].clone()),
            Status::Fail
        );
    }

    #[test]
    fn the_invalid_id_is_invalid() {
        assert!(!is_valid(INVALID) && !is_valid("") && !is_valid(&"x".repeat(129)));
        assert!(is_valid("Az09._:-"));
    }
}
