//! CRC-32C (Castagnoli), as RFC 4960 appendix B has it.

/// Bit by bit: a header has some 40 bytes and comes once a connection.
pub(crate) fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg())
        })
    })
}

/// The polynomial `0x1edc6f41`, its bits turned round.
const POLYNOMIAL: u32 = 0x82f6_3b78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_sums_come_out() {
        // the check value of the algorithm, and RFC 3720 appendix B.4
        assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
        assert_eq!(crc32c([0; 32].into_iter()), 0x8a91_36aa);
    }
}
