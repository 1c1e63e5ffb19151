//! Properties of the parsers that hold for any bytes: functions for fuzzers and for the tests, which panic otherwise.

/// Check detection and decoding of encodings.
pub fn encoding(data: &[u8]) {
    crate::encoding::fuzz(data);
}

/// Check the comparison of lines.
pub fn text(data: &[u8]) {
    crate::text::fuzz(data);
}

/// Check the comparison of bytes.
pub fn binary(data: &[u8]) {
    crate::binary::fuzz(data);
}

/// Check the reader of rows of delimited text.
pub fn delimited(data: &[u8]) {
    crate::table::delimited::fuzz(data);
}

/// Check the detection of the dialect of a table.
pub fn dialect(data: &[u8]) {
    crate::table::dialect::fuzz(data);
}

/// Return two parts of the data, which are divided in proportion to the first byte.
pub fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let (first, data) = data.split_first().unwrap_or((&0, &[]));
    data.split_at(data.len() * usize::from(*first) / 255)
}

/// Return a generator of pseudo-random numbers (xorshift), so that the tests need no crate.
pub fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// Call `check` with each seed and with `count` mutations of the seeds, always the same ones.
pub fn mutations(seeds: &[Vec<u8>], count: u64, check: fn(&[u8])) {
    const BYTES: &[u8] = b"\0\t\n\r \"#,;|'1a\x80\x81\xc3\xa9\xd8\xdc\xe2\xed\xef\xbb\xbf\xf0\xfe\xff";
    seeds.iter().for_each(|seed| check(seed));
    let mut random = random(1 + count);
    for _ in 0..count {
        let mut data = seeds[random(seeds.len() as u64) as usize].clone();
        for _ in 0..=random(6) {
            let place = random(data.len() as u64 + 1) as usize;
            let byte = BYTES[random(BYTES.len() as u64) as usize];
            match random(5) {
                0 => data.insert(place, byte),
                1 if place < data.len() => data[place] = byte,
                2 if place < data.len() => drop(data.remove(place)),
                3 => data.truncate(place),
                _ => {
                    let other = &seeds[random(seeds.len() as u64) as usize];
                    let start = random(other.len() as u64 + 1) as usize;
                    drop(data.splice(place..place, other[start..].iter().copied()));
                }
            }
        }
        check(&data);
    }
}
