//! The fuzz targets without a fuzzer: their seeds, cut and mended, and bytes at random.

use std::path::{Path, PathBuf};

use fuzz_checks::TARGETS;
use proptest::prelude::*;

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let entries = std::fs::read_dir(&folder).expect("the target has seeds");
    let paths = entries.map(|entry| entry.expect("a seed").path());
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a seed is a file");
        (path, bytes)
    };
    paths.map(read).collect()
}

#[test]
fn every_target_holds_for_its_seeds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 8, "{name} has {} seeds", seeds.len());
        for (path, bytes) in seeds {
            assert!(
                bytes.len() <= 64 << 10,
                "{} is no small file",
                path.display()
            );
            target(&bytes);
        }
    }
}

#[test]
fn every_target_holds_for_its_seeds_cut_off_anywhere() {
    for (name, target) in TARGETS {
        for (_, bytes) in seeds(name) {
            // the first kilobyte: what is cut further on is cut in the middle of a payload
            for end in 0..bytes.len().min(1 << 10) {
                target(&bytes[..end]);
            }
        }
    }
}

#[test]
fn every_target_holds_for_its_seeds_with_one_byte_changed() {
    for (name, target) in TARGETS {
        for (_, bytes) in seeds(name) {
            for at in 0..bytes.len().min(512) {
                for byte in [0, b'"', b'\\', b'\n', b'{', b'9', 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] = byte;
                    target(&changed);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn every_target_holds_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }
}
