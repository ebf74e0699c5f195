//! `nginx.config` and `nginx.generation`: the configuration is valid, and it is the one that runs.

use probe::{Ask, Connect, Scheme, Target, Version};

use super::aim::EdgeAim;
use super::ask::fetch;
use super::origin::judge_named;
use super::verdict::{Verdict, sentence};
use crate::nginx::Tested;

/// Passes when NGINX takes the configuration without a word; a warning of its is a warning here.
pub(crate) fn judge_config(tested: &Result<Tested, String>) -> Verdict {
    let tested = match tested {
        Err(reason) => return Verdict::skip(reason.clone()),
        Ok(tested) => tested,
    };
    let first = tested
        .messages
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    if !tested.ok {
        return Verdict::fail(if first.is_empty() {
            "`nginx -t` failed".to_owned()
        } else {
            first.to_owned()
        });
    }
    if first.is_empty() {
        Verdict::pass("`nginx -t` is content")
    } else {
        Verdict::warn(first.to_owned())
    }
}

/// Asks the running NGINX which generation it has.
pub(crate) async fn gather_generation(aim: &EdgeAim) -> Result<String, String> {
    let target = Target::new(Scheme::Http, "localhost", 80)
        .with_connect(Connect::Unix(aim.generation_socket.clone()));
    let answer = fetch(&target, Version::Http1, Ask::get("/generation"))
        .await
        .map_err(|error| {
            format!(
                "`{}`: {}",
                aim.generation_socket.display(),
                sentence(&error)
            )
        })?;
    if answer.head.status != http::StatusCode::OK {
        return Err(format!(
            "`/generation` answered {}",
            answer.head.status.as_u16()
        ));
    }
    Ok(String::from_utf8_lossy(&answer.body).trim().to_owned())
}

/// Passes when the running NGINX names the generation that it should have.
pub(crate) fn judge_generation(seen: &Result<String, String>, expected: &str) -> Verdict {
    match seen {
        Err(error) => Verdict::fail(error.clone()),
        Ok(named) => judge_named(named, expected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn status(ok: bool, messages: &[&str]) -> Status {
        judge_config(&Ok(Tested {
            ok,
            messages: messages.iter().map(ToString::to_string).collect(),
        }))
        .status
    }

    #[test]
    fn a_warning_of_nginx_is_a_warning_and_an_error_a_failure() {
        assert_eq!(status(true, &[]), Status::Pass);
        assert_eq!(status(true, &["[warn] deprecated"]), Status::Warn);
        assert_eq!(status(false, &["[emerg] unknown directive"]), Status::Fail);
        assert_eq!(status(false, &[]), Status::Fail);
        assert_eq!(judge_config(&Err("not root".into())).status, Status::Skip);
    }
}
