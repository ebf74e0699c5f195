//! Requests of several rounds: questions of a server, from one era to the other.
//!
//! Up to 2025-11-25 a server asks its client by a request of its own, and waits. In 2026-07-28 it answers `input_required`, and
//! the client asks again with the answers in hand.

use crate::dispatch::method;
use crate::error::{Error, INVALID_PARAMS, MISSING_CAPABILITY};
use crate::jsonrpc::Id;
use crate::raw::{Member, Object, quote};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What the answer is known by.
    pub key: String,
    /// The method.
    pub method: String,
    /// Its `params` as raw JSON.
    pub params: Option<String>,
}

/// A result that asks for more (`input_required`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// The questions, in the server's order. None: the server only wants to be asked again.
    pub questions: Vec<Question>,
    state: Option<String>,
}

impl Required {
    /// Reads a result. `None`: it asks for nothing.
    pub fn read(result: &str) -> Option<Self> {
        let object = Object::read(result)?;
        if object.find("resultType")?.text()? != "input_required" {
            return None;
        }
        let requests = object.find("inputRequests");
        let requests = requests.and_then(|requests| Object::read(requests.value));
        let question = |member: &Member<'_>| {
            let request = Object::read(member.value)?;
            Some(Question {
                key: member.key.to_string(),
                method: request.find("method")?.text()?.into_owned(),
                params: request.find("params").map(|params| params.value.to_owned()),
            })
        };
        let questions = requests
            .iter()
            .flat_map(Object::members)
            .filter_map(question);
        Some(Self {
            questions: questions.collect(),
            state: object
                .find("requestState")
                .map(|state| state.value.to_owned()),
        })
    }

    /// The `params` of the next round: those of the first, with the answers (`result` of each question as raw JSON, in order).
    pub fn answered(&self, params: &str, answers: &[Box<str>]) -> String {
        let answers: Vec<String> = self
            .questions
            .iter()
            .zip(answers)
            .map(|(question, answer)| format!("{}:{answer}", quote(&question.key)))
            .collect();
        let mut round = vec![format!("\"inputResponses\":{{{}}}", answers.join(","))];
        if let Some(state) = &self.state {
            round.push(format!("\"requestState\":{state}"));
        }
        let first = Object::read(params).map(|params| params.without(|key| ROUND.contains(&key)));
        let first = first.as_deref().and_then(Object::read);
        first.map_or_else(|| params.to_owned(), |first| first.with(&round.join(",")))
    }
}

/// A request of a server up to 2025-11-25 that a client of 2026-07-28 is to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The server's id of it.
    pub id: Id,
    /// The question.
    pub question: Question,
}

/// The result that puts questions before a client of 2026-07-28. `state` is sealed.
pub(crate) fn required(open: &[Open], state: &str) -> String {
    let requests: Vec<String> = open
        .iter()
        .map(|Open { question, .. }| {
            let params = question.params.as_deref().unwrap_or("{}");
            format!(
                "{}:{{\"method\":{},\"params\":{params}}}",
                quote(&question.key),
                quote(&question.method)
            )
        })
        .collect();
    format!(
        "{{\"resultType\":\"input_required\",\"inputRequests\":{{{}}},\"requestState\":{}}}",
        requests.join(","),
        quote(state)
    )
}

/// What a client brings to go on with a request that waits at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// What the waiting request is known by.
    pub name: String,
    answers: Vec<(String, Box<str>)>,
}

impl Resumed {
    /// Reads a state that was opened, and the answers of the request. `None`: no request waits for it.
    pub(crate) fn read(state: &str, params: &Object<'_>) -> Result<Option<Self>, Error> {
        let Some(name) = state.strip_prefix(WAITING) else {
            return Ok(None);
        };
        let wrong = || {
            let message = "`params.inputResponses` is not an object of objects";
            Error::new(INVALID_PARAMS, message)
        };
        let responses = match params.find("inputResponses") {
            None => None,
            Some(member) => Some(Object::read(member.value).ok_or_else(wrong)?),
        };
        let mut answers = Vec::new();
        for member in responses.iter().flat_map(Object::members) {
            Object::read(member.value).ok_or_else(wrong)?;
            answers.push((member.key.to_string(), member.value.into()));
        }
        Ok(Some(Self {
            name: name.to_owned(),
            answers,
        }))
    }

    /// The answer to a question.
    pub fn answer(&self, question: &Question) -> Option<&str> {
        let mut answers = self.answers.iter();
        answers.find_map(|(key, answer)| (*key == question.key).then_some(answer.as_ref()))
    }
}

/// The state of a request that waits at a server. No server's own state begins so: it is JSON.
pub(crate) fn waiting(name: &str) -> String {
    format!("{WAITING}{name}")
}

/// Whether a client with these `capabilities` may be asked this.
///
/// # Errors
/// −32021, with what it would need.
pub fn may_ask(capabilities: &str, method: &str, params: Option<&str>) -> Result<(), Error> {
    let (key, mode) = match method {
        method::SAMPLE => ("sampling", None),
        method::ROOTS => ("roots", None),
        method::ELICIT => {
            let mode = params
                .and_then(|params| Some(Object::read(params)?.find("mode")?.text()?.into_owned()));
            ("elicitation", mode.filter(|mode| mode == "url"))
        }
        _ => return Err(missing(format!("no client answers `{method}`"), "{}")),
    };
    let capabilities = Object::read(capabilities);
    let found = capabilities
        .as_ref()
        .and_then(|all| Object::read(all.find(key)?.value));
    let modes = mode
        .as_deref()
        .map_or_else(String::new, |mode| format!("\"{mode}\":{{}}"));
    let able = match (&found, &mode) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(found), Some(mode)) => found.find(mode).is_some(),
    };
    if able {
        return Ok(());
    }
    let required = format!("{{\"{key}\":{{{modes}}}}}");
    Err(missing(
        format!("the client does not declare the capability that `{method}` needs"),
        &required,
    ))
}

fn missing(message: String, required: &str) -> Error {
    let data = format!("{{\"requiredCapabilities\":{required}}}");
    Error::new(MISSING_CAPABILITY, message).with_data(data)
}

/// Of the capabilities of a client of 2026-07-28, those by which a server up to 2025-11-25 may ask it something; `None`: it may
/// be asked nothing.
pub(crate) fn askable(capabilities: &str) -> Option<String> {
    let object = Object::read(capabilities)?;
    let kept = object.without(|key| !ASKABLE.contains(&key)).into_owned();
    let some = ASKABLE.iter().any(|key| object.find(key).is_some());
    some.then_some(kept)
}

/// Whether a server asks a client by this method.
pub(crate) fn is_question(called: &str) -> bool {
    matches!(called, method::SAMPLE | method::ELICIT | method::ROOTS)
}

/// All that a client may declare to be asked, in both eras.
pub(crate) const ALL: &str =
    r#"{"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}},"roots":{}}"#;

const WAITING: &str = "waiting:";

/// What a round adds to the `params` of the first.
const ROUND: [&str; 2] = ["inputResponses", "requestState"];

const ASKABLE: [&str; 3] = ["sampling", "elicitation", "roots"];

#[cfg(test)]
mod tests {
    use super::*;

    const ASKS: &str = r#"{"resultType":"input_required","inputRequests":{"b":{"method":"roots/list"},"a":{"method":"elicitation/create","params":{"x":1.0}}},"requestState":"s\n"}"#;

    #[test]
    fn the_next_round_has_the_answers_and_the_state_byte_for_byte() {
        let required = Required::read(ASKS).expect("questions");
        let keys: Vec<&str> = required.questions.iter().map(|q| q.key.as_str()).collect();
        assert_eq!(keys, ["b", "a"]);
        let answers = [r#"{"roots":[]}"#.into(), r#"{"n":1.50}"#.into()];
        let next = required.answered(r#"{"name":"t","requestState":"old"}"#, &answers);
        let expected = r#"{"inputResponses":{"b":{"roots":[]},"a":{"n":1.50}},"requestState":"s\n","name":"t"}"#;
        assert_eq!(next, expected);
    }

    #[test]
    fn a_result_that_is_complete_asks_nothing() {
        for result in [
            "7",
            "{}",
            r#"{"resultType":"complete"}"#,
            r#"{"resultType":"task"}"#,
        ] {
            assert_eq!(Required::read(result), None);
        }
    }

    #[test]
    fn a_client_is_asked_what_it_declares_and_nothing_else() {
        let all = r#"{"sampling":{},"elicitation":{"form":{}}}"#;
        assert!(may_ask(all, "sampling/createMessage", None).is_ok());
        assert!(may_ask(all, "elicitation/create", Some(r#"{"mode":"form"}"#)).is_ok());
        let url = may_ask(all, "elicitation/create", Some(r#"{"mode":"url"}"#));
        let data = r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#;
        assert_eq!(url.unwrap_err().data.as_deref(), Some(data));
        let roots = may_ask(all, "roots/list", None).unwrap_err();
        assert_eq!(roots.code, -32021);
        assert!(may_ask(all, "tools/list", None).is_err());
    }

    #[test]
    fn what_cannot_be_asked_is_not_declared() {
        let all = r#"{"roots":{}, "extensions":{},"sampling":{"tools":{}}}"#;
        let kept = askable(all).expect("something");
        assert_eq!(kept, r#"{"roots":{},"sampling":{"tools":{}}}"#);
        assert_eq!(askable(r#"{"extensions":{}}"#), None);
    }

    #[test]
    fn answers_are_read_by_their_keys_and_must_be_objects() {
        let params = |text| Object::read(text).expect("an object");
        let good = params(r#"{"inputResponses":{"1":{"a":1.0},"z":{}}}"#);
        let resumed = Resumed::read("waiting:n", &good).unwrap().expect("one");
        let question = |key: &str| Question {
            key: key.into(),
            method: "m".into(),
            params: None,
        };
        assert_eq!(resumed.name, "n");
        assert_eq!(resumed.answer(&question("1")), Some(r#"{"a":1.0}"#));
        assert_eq!(resumed.answer(&question("2")), None);
        assert!(Resumed::read("waiting:n", &params(r#"{"inputResponses":{"1":7}}"#)).is_err());
        assert_eq!(Resumed::read("\"own\"", &good), Ok(None));
    }
}
