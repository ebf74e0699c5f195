//! The header of a PROXY protocol, as it comes before a connection.

use proxy_protocol::{Fault, LONGEST, Named, Reading, read, write_binary, write_text};

/// What a peer sends first.
///
/// # Panics
/// When a header takes a byte that is not its own, what is read depends on how the bytes were cut, or a client that was named
/// cannot be named again.
pub fn proxy(bytes: &[u8]) {
    let (outcome, taken) = driven(bytes);
    assert!(taken <= LONGEST);
    for cut in 0..taken {
        match read(&bytes[..cut]) {
            Ok(Reading::More(more)) => {
                let whole = matches!(outcome, Ok(Some(_)));
                assert!(!whole || cut + more.get() <= taken, "{more} at {cut}");
            }
            Ok(Reading::Whole(named)) => panic!("whole at {cut} of {taken}: {named:?}"),
            Err(_) => assert!(outcome.is_err(), "a fault at {cut} alone"),
        }
    }
    if let Ok(Some(Named::Client {
        source,
        destination,
    })) = outcome
    {
        let text = write_text(source, destination).into_bytes();
        for header in [text, write_binary(source, destination)] {
            assert_eq!(driven(&header), (outcome, header.len()));
        }
    }
}

/// Reads exactly what is asked for; `None` when the bytes end before the header does. How many were taken.
fn driven(bytes: &[u8]) -> (Result<Option<Named>, Fault>, usize) {
    let mut taken = 0;
    loop {
        match read(&bytes[..taken]) {
            Ok(Reading::More(more)) if bytes.len() - taken >= more.get() => taken += more.get(),
            Ok(Reading::More(_)) => return (Ok(None), taken),
            Ok(Reading::Whole(named)) => return (Ok(Some(named)), taken),
            Err(fault) => return (Err(fault), taken),
        }
    }
}
