//! `http3.early-data`: what a client sends before its handshake has ended is not taken, for anybody could send it again.

use probe::quic::{Early, early_data};
use probe::{Ask, Version};

use super::aim::Aim;
use super::verdict::{Verdict, sentence};

/// Makes two connections, the second with the ticket of the first; nothing where HTTP/3 does not answer.
pub(crate) async fn gather(aim: &Aim, versions: &[Version]) -> Option<Result<Early, String>> {
    if !versions.contains(&Version::Http3) {
        return None;
    }
    let seen = early_data(&aim.edge, Ask::get("/healthz")).await;
    Some(seen.map_err(|error| sentence(&error)))
}

/// Warns where it is accepted.
pub(crate) fn judge(seen: Option<&Result<Early, String>>) -> Verdict {
    match seen {
        None => Verdict::skip("HTTP/3 does not answer, see `http3`"),
        // a handshake now and then is lost behind a reload: whether they end is what `http3` asks
        Some(Err(error)) => Verdict::skip(format!("not asked: {error}")),
        Some(Ok(Early::NotOffered)) => Verdict::pass("none is offered"),
        Some(Ok(Early::Refused)) => Verdict::pass("it is refused"),
        // RFC 8470, section 3: a server that takes it has to know which requests may come twice
        Some(Ok(Early::Accepted)) => Verdict::warn(
            "accepted: whoever copies a client's first packets can make its call a second time",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    #[test]
    fn early_data_that_is_accepted_is_a_warning() {
        let status = |early| judge(Some(&Ok(early))).status;
        assert_eq!(status(Early::Accepted), Status::Warn);
        assert_eq!(status(Early::Refused), Status::Pass);
        assert_eq!(status(Early::NotOffered), Status::Pass);
        assert_eq!(judge(None).status, Status::Skip);
    }
}
