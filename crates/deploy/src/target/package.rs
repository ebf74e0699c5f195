//! The package that an NGINX came in: a distribution mends faults under an old version number, and says so in its own.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The package of an NGINX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, as dpkg has it: `1.26.3-3+deb13u11`.
    pub version: String,
    /// The faults that its changelog says are mended, as `CVE-2026-40460`; nothing where it has none installed.
    pub mended: BTreeSet<String>,
}

impl Package {
    /// A package with what its changelog names.
    pub fn new(name: &str, version: &str, changelog: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            mended: names_in(changelog),
        }
    }

    /// Whether it has the fix of a fault: its own changelog says so, or the version is one that is known to have it.
    pub fn has_mended(&self, fault: &str) -> bool {
        self.mended.contains(fault)
            || mending(fault).any(|row| {
                self.version.starts_with(row.branch)
                    && compare(&self.version, row.version) != Ordering::Less
            })
    }

    /// The first version of this branch that has the fixes of all these faults, where they are known.
    pub fn mended_by(&self, faults: &[&str]) -> Option<&'static str> {
        let each = faults.iter().map(|fault| {
            let mut rows = mending(fault).filter(|row| self.version.starts_with(row.branch));
            rows.next().map(|row| row.version)
        });
        let versions: Vec<_> = each.collect::<Option<_>>()?;
        versions.into_iter().max_by(|a, b| compare(a, b))
    }
}

/// A version of Debian's package that mended faults.
struct Mended {
    /// What the versions of this branch begin with.
    branch: &'static str,
    version: &'static str,
    faults: &'static [&'static str],
}

fn mending(fault: &str) -> impl Iterator<Item = &'static Mended> {
    MENDED.iter().filter(move |row| row.faults.contains(&fault))
}

const TRIXIE: &str = "1.26.3-3+deb13u";

/// From `changelog.Debian` of the package: 1.26.3-3+deb13u11 of Debian 13 (2026-11-18), 1.30.6-2 of Debian testing
/// (2026-10-20).
const MENDED: [Mended; 8] = [
    Mended {
        branch: TRIXIE,
        version: "1.26.3-3+deb13u5",
        faults: &["CVE-2026-40460", "CVE-2026-42945"],
    },
    Mended {
        branch: TRIXIE,
        version: "1.26.3-3+deb13u6",
        faults: &["CVE-2026-9256"],
    },
    Mended {
        branch: TRIXIE,
        version: "1.26.3-3+deb13u8",
        faults: &["CVE-2026-42533"],
    },
    Mended {
        branch: TRIXIE,
        version: "1.26.3-3+deb13u10",
        faults: &["CVE-2026-95101", "CVE-2026-97629", "CVE-2026-93479"],
    },
    Mended {
        branch: TRIXIE,
        version: "1.26.3-3+deb13u11",
        faults: &["CVE-2026-121810", "CVE-2026-123633", "CVE-2026-123007"],
    },
    Mended {
        branch: "1.22.1-9+deb12u",
        version: "1.22.1-9+deb12u10",
        faults: &["CVE-2026-42533"],
    },
    Mended {
        branch: "1.30.4-",
        version: "1.30.4-7",
        faults: &["CVE-2026-90439"],
    },
    Mended {
        branch: "1.30.4-",
        version: "1.30.4-8",
        faults: &["CVE-2026-95101", "CVE-2026-97629", "CVE-2026-93479"],
    },
];

/// The faults that a text names.
fn names_in(text: &str) -> BTreeSet<String> {
    let pieces = text.split("CVE-").skip(1);
    pieces
        .filter_map(|rest| {
            let (year, number) = rest.split_once('-')?;
            let end = number
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(number.len());
            let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
            (is_year && end > 0).then(|| format!("CVE-{year}-{}", &number[..end]))
        })
        .collect()
}

/// Compares versions as dpkg does (Debian Policy 5.6.12): epoch, then version, then revision.
pub fn compare(a: &str, b: &str) -> Ordering {
    let [
        (epoch, version, revision),
        (other_epoch, other_version, other_revision),
    ] = [a, b].map(parts);
    compare_part(epoch, other_epoch)
        .then_with(|| compare_part(version, other_version))
        .then_with(|| compare_part(revision, other_revision))
}

fn parts(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (version, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch, version, revision)
}

/// In turn a piece without digits, by letters, and a number, until one differs.
fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let (own, other) = (take(&mut a, false), take(&mut b, false));
        let mut order = compare_words(own, other);
        if order == Ordering::Equal {
            let [own, other] = [take(&mut a, true), take(&mut b, true)]
                .map(|number| number.trim_start_matches('0'));
            // of two numbers without zeros before them the longer one is the larger
            order = own.len().cmp(&other.len()).then_with(|| own.cmp(other));
        }
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes the piece of digits, or of anything else, that a text begins with.
fn take<'t>(text: &mut &'t str, digits: bool) -> &'t str {
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    let (piece, rest) = text.split_at(end);
    *text = rest;
    piece
}

/// A tilde comes before the end, the end before letters, letters before everything else.
fn compare_words(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => (0, '~'),
        None => (1, ' '),
        Some(c) if c.is_ascii_alphabetic() => (2, c),
        Some(c) => (3, c),
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (own, other) = (a.next(), b.next());
        let order = weight(own).cmp(&weight(other));
        if order != Ordering::Equal || own.is_none() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changelog_says_what_is_mended() {
        let text = "nginx (1.26.3-3+deb13u5)\n  * HTTP/3 address spoofing\n    (CVE-2026-40460), (CVE-2026-42945)\n    * d/p/CVE-2025-1.patch\n  * CVE-SOON, CVE-20-1\n";
        let package = Package::new("nginx", "1.26.3-3", text);
        let names: Vec<_> = package.mended.iter().map(String::as_str).collect();
        assert_eq!(names, ["CVE-2025-1", "CVE-2026-40460", "CVE-2026-42945"]);
        assert!(package.has_mended("CVE-2026-40460") && !package.has_mended("CVE-2026-97629"));
    }

    #[test]
    fn without_a_changelog_the_version_says_it() {
        let has = |version: &str| Package::new("nginx", version, "").has_mended("CVE-2026-97629");
        for (version, expected) in [
            ("1.26.3-3+deb13u9", false),
            ("1.26.3-3+deb13u10", true),
            ("1.26.3-3+deb13u11", true),
            ("1.26.3-4", false),
            ("1.26.3-3ubuntu11.2", false),
            ("1.30.4-7", false),
            ("1.30.4-8", true),
        ] {
            assert_eq!(has(version), expected, "{version}");
        }
    }

    #[test]
    fn the_version_that_mends_everything_is_named() {
        let package = Package::new("nginx", "1.26.3-3+deb13u7", "");
        let by = |faults: &[&str]| package.mended_by(faults);
        assert_eq!(by(&["CVE-2026-97629"]), Some("1.26.3-3+deb13u10"));
        assert_eq!(
            by(&["CVE-2026-121810", "CVE-2026-97629"]),
            Some("1.26.3-3+deb13u11")
        );
        assert_eq!(by(&["CVE-2026-121810", "CVE-1999-1"]), None);
    }

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        for (less, more) in ORDERED {
            assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more, less), Ordering::Greater, "{less} {more}");
            assert_eq!(compare(less, less), Ordering::Equal, "{less}");
        }
        assert_eq!(compare("1.0-1", "0:1.00-01"), Ordering::Equal);
    }

    const ORDERED: [(&str, &str); 9] = [
        ("1.26.3-3+deb13u9", "1.26.3-3+deb13u10"),
        ("1.26.3-3", "1.26.3-3+deb13u1"),
        ("1.26.3-3~bpo12+1", "1.26.3-3"),
        ("1.9", "1.10"),
        ("2.0", "1:1.0"),
        ("1.0", "1.0-1"),
        ("1.0a", "1.0+"),
        ("1.0~~", "1.0~"),
        ("1.0-1", "1.0-1ubuntu1"),
    ];
}
