//! `[tls]`: where the certificate of a site comes from.

use findings::{Finding, Reader};

use super::read::missing;
use super::{AcmeSpec, CertificateSpec};
use crate::words::AbsolutePath;

/// Reads `[tls]`; nothing where it is at fault.
pub(super) fn read(reader: &Reader<'_>) -> Option<CertificateSpec> {
    missing(
        reader,
        "tls",
        "write `[tls]` with `certificate` and `private_key`, `[tls.acme]`, or `self_signed = true` for development",
    );
    let tls = reader.table("tls")?;
    let certificate = tls.word::<AbsolutePath>("certificate", "spec.path");
    let private_key = tls.word::<AbsolutePath>("private_key", "spec.path");
    let self_signed = tls.boolean("self_signed").is_some_and(|flag| flag.value);
    let files = tls.has("certificate") || tls.has("private_key");
    let acme = tls.has("acme");
    let from_acme = tls.table("acme").map(read_acme);
    let ways = usize::from(files) + usize::from(self_signed) + usize::from(acme);
    let found = match (certificate, private_key) {
        (Some(certificate), Some(private_key)) => Some(CertificateSpec::Files {
            certificate: certificate.value,
            private_key: private_key.value,
        }),
        _ if self_signed => Some(CertificateSpec::SelfSigned),
        _ => from_acme.map(CertificateSpec::Acme),
    };
    if ways != 1 {
        let message = if ways == 0 {
            "there is no certificate"
        } else {
            "there is more than one source of the certificate"
        };
        let keys = ["self_signed", "acme"];
        let key = keys.into_iter().find(|key| tls.has(key));
        let finding = Finding::error("spec.tls", message).hint(ONE_WAY);
        tls.find(key.unwrap_or("certificate"), finding);
    } else if files {
        missing(&tls, "certificate", ONE_WAY);
        missing(&tls, "private_key", ONE_WAY);
    }
    tls.finish();
    found
}

fn read_acme(acme: Reader<'_>) -> AcmeSpec {
    let spec = AcmeSpec {
        email: acme.word("email", "spec.email").map(|email| email.value),
        directory_url: acme
            .word("directory_url", "spec.directory-url")
            .map(|url| url.value),
        key_type: acme
            .word("key_type", "spec.key-type")
            .map(|key_type| key_type.value),
    };
    let agreed = acme.boolean("terms_agreed");
    if agreed.is_none_or(|agreed| !agreed.value) {
        let message = "nobody has agreed to the terms of the ACME server";
        let hint = "read them (the directory names them as `termsOfService`), then write `terms_agreed = true`";
        acme.find(
            "terms_agreed",
            Finding::error("spec.terms", message).hint(hint),
        );
    }
    acme.finish();
    spec
}

const ONE_WAY: &str =
    "give exactly one: `certificate` with `private_key`, `[tls.acme]`, or `self_signed = true`";
