use super::*;

/// Reads as a socket is read: exactly what is asked for. The outcome, and how many bytes were taken.
fn drive(bytes: &[u8]) -> (Result<Option<Named>, Fault>, usize) {
    let mut taken = 0;
    loop {
        match read(&bytes[..taken]) {
            Err(fault) => return (Err(fault), taken),
            Ok(Reading::Whole(named)) => return (Ok(Some(named)), taken),
            Ok(Reading::More(more)) if taken + more.get() > bytes.len() => {
                return (Ok(None), taken);
            }
            Ok(Reading::More(more)) => taken += more.get(),
        }
    }
}

fn client(source: &str, destination: &str) -> Named {
    let address = |text: &str| text.parse().expect("an address");
    let (source, destination) = (address(source), address(destination));
    Named::Client {
        source,
        destination,
    }
}

/// A header of version 2.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short");
    let mut bytes = binary::SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    bytes
}

const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb];

#[test]
fn what_is_written_is_read_and_nothing_after_it() {
    for (source, destination) in [
        ("192.0.2.1:4660", "198.51.100.2:443"),
        ("[2001:db8::1]:1", "[2001:db8::2]:65535"),
        ("0.0.0.0:0", "255.255.255.255:0"),
    ] {
        let named = client(source, destination);
        let ends = (
            source.parse().expect("one"),
            destination.parse().expect("one"),
        );
        let text = write_text(ends.0, ends.1).into_bytes();
        for mut header in [text, write_binary(ends.0, ends.1)] {
            let length = header.len();
            header.extend(b"\x16\x03\x01 and TLS");
            assert_eq!(drive(&header), (Ok(Some(named)), length), "{source}");
        }
    }
}

#[test]
fn a_header_that_is_cut_anywhere_asks_for_more() {
    let ends = (
        "192.0.2.1:1".parse().expect("one"),
        "198.51.100.2:443".parse().expect("one"),
    );
    let text = write_text(ends.0, ends.1).into_bytes();
    for header in [
        text,
        write_binary(ends.0, ends.1),
        b"PROXY UNKNOWN\r\n".to_vec(),
    ] {
        for length in 0..header.len() {
            let Ok(Reading::More(more)) = read(&header[..length]) else {
                panic!("{length} bytes of {header:?}");
            };
            assert!(
                length + more.get() <= header.len(),
                "{length} bytes of {header:?}"
            );
        }
    }
}

#[test]
fn two_families_are_told_in_the_wider_one() {
    let ends = (
        "192.0.2.1:1".parse().expect("one"),
        "[2001:db8::2]:443".parse().expect("one"),
    );
    let named = client("[::ffff:192.0.2.1]:1", "[2001:db8::2]:443");
    for header in [
        write_text(ends.0, ends.1).into_bytes(),
        write_binary(ends.0, ends.1),
    ] {
        assert_eq!(drive(&header).0, Ok(Some(named)));
    }
}

#[test]
fn a_header_may_name_nobody() {
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n".to_vec(),
        binary(0x20, 0x00, &[]),
        binary(0x20, 0xff, &[7; 300]),
        binary(0x21, 0x00, &[]),
        binary(0x21, 0x31, &[0; 216]),
    ] {
        assert_eq!(
            drive(&header),
            (Ok(Some(Named::Nobody)), header.len()),
            "{header:?}"
        );
    }
}

#[test]
fn a_line_that_breaks_the_grammar_is_refused() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY UNKNOWNS \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n",
    ] {
        let followed = format!("{line} and what follows it");
        assert_eq!(drive(followed.as_bytes()).0, Err(Fault::Line), "{line}");
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert_eq!(drive(endless.as_bytes()), (Err(Fault::LongLine), 107));
}

#[test]
fn what_is_no_header_is_refused_at_its_first_byte() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        b"proxy ",
        b"\r\n\r\n\r\n",
    ] {
        assert_eq!(read(bytes), Err(Fault::Signature), "{bytes:?}");
    }
}

#[test]
fn a_binary_header_that_lies_is_refused() {
    let with = |extension: &[u8]| binary(0x21, 0x11, &[&V4[..], extension].concat());
    for (header, fault) in [
        (binary(0x11, 0x11, &V4), Fault::Command(0x11)),
        (binary(0x22, 0x11, &V4), Fault::Command(0x22)),
        (binary(0x21, 0x12, &V4), Fault::Family(0x12)),
        (binary(0x21, 0x41, &V4), Fault::Family(0x41)),
        (binary(0x21, 0x11, &V4[..11]), Fault::Length(11)),
        (binary(0x21, 0x21, &V4), Fault::Length(12)),
        (binary(0x21, 0x31, &V4), Fault::Length(12)),
        (binary(0x20, 0x00, &[0; 4081]), Fault::Length(4081)),
        (with(&[0x04, 0]), Fault::Extension),
        (with(&[0x04, 0, 2, 9]), Fault::Extension),
        (with(&[0x03, 0, 3, 1, 2, 3]), Fault::Extension),
        (with(&[0x03, 0, 4, 1, 2, 3, 4]), Fault::Checksum),
    ] {
        assert_eq!(drive(&header).0, Err(fault), "{header:?}");
    }
}

#[test]
fn extensions_that_say_nothing_here_are_passed_over() {
    let header = binary(
        0x21,
        0x11,
        &[&V4[..], &[0x04, 0, 2, 9, 9], &[0xe1, 0, 0]].concat(),
    );
    let named = client("192.0.2.1:4660", "198.51.100.2:443");
    assert_eq!(drive(&header).0, Ok(Some(named)));
}
