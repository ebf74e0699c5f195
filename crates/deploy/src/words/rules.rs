//! What the characters of each word may be.

use super::WordError;

fn ensure(holds: bool, reason: &'static str) -> Result<(), WordError> {
    if holds {
        Ok(())
    } else {
        Err(WordError(reason))
    }
}

pub(super) fn check_name(text: &str) -> Result<(), WordError> {
    let reason = "is not a name: a lower-case letter, then at most 31 of a-z, 0-9 and single `-`";
    let plain = text
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    ensure(
        plain
            && text.len() <= 32
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--"),
        reason,
    )?;
    ensure(
        !RESERVED_NAMES.contains(&text) && text != "systemd" && !text.starts_with("systemd-"),
        "is the name of a system account or folder",
    )
}

pub(super) fn check_server_name(text: &str) -> Result<(), WordError> {
    ensure(!text.is_empty(), "is empty")?;
    ensure(text.len() <= 253, "is longer than 253 bytes")?;
    let host = text.strip_prefix("*.").unwrap_or(text);
    let last = host.rsplit('.').next().unwrap_or_default();
    ensure(
        last.is_empty() || !last.bytes().all(|byte| byte.is_ascii_digit()),
        "is an IP address, for which TLS clients name no server (RFC 6066 section 3): use a DNS name",
    )?;
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    ensure(
        host.split('.').all(label),
        "is not a DNS name: labels of a-z, 0-9 and `-` with dots between them, in lower case; international names in \
         their `xn--` form",
    )
}

pub(super) fn check_absolute_path(text: &str) -> Result<(), WordError> {
    ensure(
        text.starts_with('/'),
        "is not absolute: it has to start with `/`",
    )?;
    ensure(text.len() <= 1024, "is longer than 1024 bytes")?;
    ensure(
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._+@,=:~-".contains(&byte)),
        "has a character that no rendered path may have: use letters, digits and `/._+@,=:~-`",
    )?;
    ensure(
        !text.split('/').any(|part| matches!(part, "." | "..")),
        "has a `.` or `..` segment",
    )?;
    ensure(!text.contains("//"), "has an empty segment (`//`)")
}

pub(super) fn check_generation(text: &str) -> Result<(), WordError> {
    let hex = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ensure(hex && text.len() == 16, "is not 16 lower-case hex digits")
}

pub(super) fn check_spec_file(text: &str) -> Result<(), WordError> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    ensure(
        plain && (1..=128).contains(&text.len()),
        "is not a plain file name",
    )
}

pub(super) fn check_account(text: &str) -> Result<(), WordError> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    ensure(
        plain && (1..=32).contains(&text.len()) && !text.starts_with('-'),
        "is not an account name",
    )
}

pub(super) fn check_argument(text: &str) -> Result<(), WordError> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._:/,=@+~-".contains(&byte));
    ensure(
        plain && (1..=1024).contains(&text.len()),
        "is no word of a unit: 1 to 1024 letters, digits and `._:/,=@+~-`",
    )
}

pub(super) fn check_tool_pattern(text: &str) -> Result<(), WordError> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-*".contains(&byte));
    ensure(
        plain && (1..=64).contains(&text.len()),
        "is no tool's name: 1 to 64 letters, digits, `_` and `-`, and `*` for any rest",
    )
}

pub(super) fn check_mcp_method(text: &str) -> Result<(), WordError> {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    ensure(
        text.len() <= 64 && text.split('/').all(is_part),
        "is no MCP method such as `resources/read`",
    )
}

pub(super) fn check_email(text: &str) -> Result<(), WordError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".!#%&*+/=?^_~-".contains(&byte);
    let sides = text.split_once('@');
    ensure(
        sides.is_some_and(|(who, host)| !who.is_empty() && host.contains('.') && text.len() <= 254)
            && sides.is_some_and(|(who, host)| who.bytes().chain(host.bytes()).all(plain))
            && !text.starts_with('-'),
        "is not a mail address such as `ops@example.com`",
    )
}

pub(super) fn check_directory_url(text: &str) -> Result<(), WordError> {
    // RFC 8555 section 6.1: "Each ACME function is accomplished by the client sending a sequence of HTTPS requests"
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:/[]?,=@~+-_&%".contains(&byte);
    ensure(
        rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && rest.bytes().all(plain),
        "is not the `https://` URL of an ACME directory",
    )
}

pub(super) fn check_token(text: &str) -> Result<(), WordError> {
    ensure(
        text.bytes().all(is_safe_byte),
        "has a character that no template value may have",
    )
}

/// The characters that may leave a template variable: the union of what the words above let through. The escape
/// function refuses every other one.
pub(crate) fn is_safe_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" ._:/$*[]?,=@~+-".contains(&byte)
}

/// Names of accounts, groups and folders that a Debian machine already has, or has with a common package: `/etc/NAME`,
/// `/etc/nginx/NAME`, `/run/NAME`, the user NAME or its group would be somebody else's. Of the groups some are as good as root
/// (`disk`, `docker`, `shadow`), and the origin would run in them.
const RESERVED_NAMES: [&str; 85] = [
    "adm",
    "alternatives",
    "apt",
    "audio",
    "backup",
    "bin",
    "cdrom",
    "crontab",
    "daemon",
    "dbus",
    "default",
    "dialout",
    "dip",
    "disk",
    "docker",
    "dpkg",
    "fax",
    "floppy",
    "games",
    "input",
    "irc",
    "kmem",
    "koi-utf",
    "koi-win",
    "kvm",
    "letsencrypt",
    "libvirt",
    "list",
    "lock",
    "log",
    "lp",
    "lxd",
    "mail",
    "man",
    "messagebus",
    "modules-available",
    "modules-enabled",
    "mysql",
    "netdev",
    "news",
    "nginx",
    "nobody",
    "nogroup",
    "operator",
    "opsctl",
    "plugdev",
    "polkitd",
    "postgres",
    "proxy",
    "redis",
    "render",
    "root",
    "run",
    "sasl",
    "security",
    "sgx",
    "shadow",
    "sites-available",
    "sites-enabled",
    "skel",
    "snippets",
    "src",
    "ssh",
    "sshd",
    "ssl",
    "ssl-cert",
    "staff",
    "sudo",
    "sync",
    "sys",
    "tape",
    "tls",
    "tmp",
    "tty",
    "udev",
    "user",
    "users",
    "utmp",
    "uucp",
    "var",
    "video",
    "voice",
    "wheel",
    "win-utf",
    "www-data",
];
