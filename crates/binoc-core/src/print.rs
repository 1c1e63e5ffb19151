//! Fingerprints: the hashes of the parts of a file, to estimate how much two files have in common.
//!
//! A part ends at a line ending, or where a rolling hash of its bytes says so. So an insertion changes only the parts
//! around it, in text, in binary files and in files of one line. A file with many parts keeps only those whose hash ends
//! with zero bits, so the memory is bounded, and the parts that two files keep are comparable.

use std::io::{self, Read};

use xxhash_rust::xxh3::xxh3_64;

use crate::content;
use crate::walk::{Entry, unreadable};

/// The length at which a part can end without a line ending, in bytes; the length of the rolling hash.
const SHORTEST: usize = 16;
/// The length of the longest part, in bytes.
const LONGEST: usize = 1024;
/// The rolling hash ends a part if its highest bits are zero: on average after 32 bytes.
const ENDS: u64 = 0xF8 << 56;
/// The size of the buffer, in bytes.
const BUFFER: usize = 1 << 16;
/// Random numbers for the rolling hash.
const GEAR: [u64; 256] = gear();

/// The size of the largest file whose bytes are kept, because it has few parts.
const TINY: usize = 512;

/// Equal parts of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) hash: u64,
    pub(crate) count: u32,
    /// The length of one of them, in bytes; at most [`LONGEST`].
    pub(crate) length: u16,
    /// Whether a line ends with it.
    pub(crate) ends_line: bool,
}

impl Part {
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.length) * u64::from(self.count)
    }
}

/// The fingerprint of a file.
#[derive(Debug, Default)]
pub(crate) struct Print {
    /// The parts, sorted by hash, without repeated hashes.
    pub(crate) parts: Vec<Part>,
    /// Only parts are kept whose hash ends with this number of zero bits.
    shift: u32,
    /// The number of lines; `None` if it is not text.
    pub(crate) lines: Option<u64>,
    /// The hash and length of the first line, if there are more; it may only be the names of columns.
    head: Option<(u64, u16)>,
    /// The bytes of a tiny file that does not consist of lines.
    tiny: Vec<u8>,
}

impl Print {
    /// Read a file and keep at most `limit` parts; an error is the reason why it cannot be read.
    pub(crate) fn read(entry: &Entry, limit: usize) -> Result<Self, String> {
        let mut file = content::open(entry)?;
        let print = Self::of(&mut file, entry.side.bytes, limit).map_err(|error| unreadable(&error))?;
        content::check(&file, entry)?;
        Ok(print)
    }

    fn of(source: &mut impl Read, size: u64, limit: usize) -> io::Result<Self> {
        let size = usize::try_from(size).unwrap_or(BUFFER);
        let mut buffer = vec![0; BUFFER.min(size + 1).max(LONGEST + 1)];
        let (mut print, mut filled) = (Self::default(), 0);
        let (mut lines, mut last, mut text) = (0, b'\n', true);
        let mut is_start = true;
        loop {
            let count = match source.read(&mut buffer[filled..]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let fresh = &buffer[filled..filled + count];
            text &= !fresh.contains(&0);
            lines += fresh.iter().filter(|byte| **byte == b'\n').count() as u64;
            last = *fresh.last().unwrap_or(&last);
            filled += count;
            if is_start && size <= TINY {
                print.tiny = fresh.to_vec();
            }
            if is_start {
                let end = fresh.iter().position(|byte| *byte == b'\n').filter(|end| *end + 1 < count);
                print.head = end.map(|end| hash_line(&fresh[..=end]));
                is_start = false;
            }
            let mut start = 0;
            while start < filled {
                let rest = &buffer[start..filled];
                // At the end of the buffer, the part can be incomplete.
                if count > 0 && rest.len() < LONGEST {
                    break;
                }
                let length = end_of_part(rest);
                print.add(&rest[..length], limit);
                start += length;
            }
            if count == 0 {
                break;
            }
            buffer.copy_within(start..filled, 0);
            filled -= start;
        }
        print.lines = text.then_some(lines + u64::from(last != b'\n'));
        if print.lines.is_some_and(|lines| lines > 1) {
            print.tiny = Vec::new();
        }
        print.compact(limit);
        print.parts.shrink_to_fit();
        Ok(print)
    }

    fn add(&mut self, bytes: &[u8], limit: usize) {
        let (hash, length) = hash_line(bytes);
        if self.keeps(hash) {
            self.parts.push(Part { hash, count: 1, length, ends_line: bytes.ends_with(b"\n") });
            if self.parts.len() >= 2 * limit {
                self.compact(limit);
            }
        }
    }

    fn keeps(&self, hash: u64) -> bool {
        hash.trailing_zeros() >= self.shift
    }

    /// Sort the parts, join equal ones, and drop parts above the limit.
    fn compact(&mut self, limit: usize) {
        self.parts.sort_unstable();
        self.parts.dedup_by(|next, first| {
            let equal = next.hash == first.hash;
            if equal {
                first.count = first.count.saturating_add(next.count);
            }
            equal
        });
        while self.parts.len() > limit {
            self.shift += 1;
            let shift = self.shift;
            self.parts.retain(|part| part.hash.trailing_zeros() >= shift);
        }
    }

    /// Return the number of zero bits of the hashes of the parts that are kept; 0 if all parts are kept.
    pub(crate) fn shift(&self) -> u32 {
        self.shift
    }

    /// Return the parts whose hash ends with this number of zero bits.
    pub(crate) fn sample(&self, shift: u32) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.hash.trailing_zeros() >= shift)
    }

    /// Return the similarity in percent if it is at least `enough`, also without a first line that both share.
    pub(crate) fn similarity(&self, other: &Self, enough: u8) -> Option<u8> {
        let overlap = self.overlap(other);
        let mut body = overlap;
        // In a sample, the first line makes no difference.
        if let (Some((_, length)), true) =
            (self.head, self.head == other.head && self.shift.max(other.shift) == 0)
        {
            for bytes in [&mut body.shared, &mut body.old, &mut body.new] {
                *bytes = bytes.saturating_sub(length.into());
            }
        }
        (overlap.percent() >= enough && body.percent() >= enough).then(|| overlap.percent())
    }

    /// Return the bytes at the start and the end that two tiny files share, in percent of the larger file.
    pub(crate) fn tiny_similarity(&self, other: &Self) -> u8 {
        let (old, new) = (&self.tiny, &other.tiny);
        let length = old.len().min(new.len());
        let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let shared = (start + end).min(length) as u64;
        Overlap { shared, old: old.len() as u64, new: new.len() as u64 }.percent()
    }

    /// Return whether it is a tiny file that does not consist of lines.
    pub(crate) fn is_tiny(&self) -> bool {
        !self.tiny.is_empty()
    }

    /// Return the bytes in shared parts, and the bytes of each file, all from the parts that both would keep.
    pub(crate) fn overlap(&self, other: &Self) -> Overlap {
        let shift = self.shift.max(other.shift);
        let bytes = |print: &Self| print.sample(shift).map(Part::bytes).sum();
        let mut overlap = Overlap { shared: 0, old: bytes(self), new: bytes(other) };
        let mut others = other.sample(shift).peekable();
        for part in self.sample(shift) {
            while others.next_if(|other| other.hash < part.hash).is_some() {}
            if let Some(other) = others.next_if(|other| other.hash == part.hash) {
                overlap.shared += part.bytes().min(other.bytes());
            }
        }
        overlap
    }
}

/// The bytes that two files share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overlap {
    pub(crate) shared: u64,
    pub(crate) old: u64,
    pub(crate) new: u64,
}

impl Overlap {
    /// Return the shared bytes in percent of the larger file.
    pub(crate) fn percent(self) -> u8 {
        let larger = u128::from(self.old.max(self.new).max(1));
        u8::try_from(100 * u128::from(self.shared) / larger).unwrap_or(100)
    }
}

/// Return the hash and length of a part. Lines with different line endings are the same.
fn hash_line(bytes: &[u8]) -> (u64, u16) {
    let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let length = line.map_or(bytes.len(), |line| line.len() + 1);
    (xxh3_64(line.unwrap_or(bytes)), u16::try_from(length).unwrap_or(u16::MAX))
}

/// Return the length of the part at the start of `bytes`.
fn end_of_part(bytes: &[u8]) -> usize {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let mut rolling = 0_u64;
    for (place, byte) in bytes.iter().enumerate() {
        // Only the last 16 bytes count, so it does not matter where the part starts.
        rolling = (rolling << 4).wrapping_add(GEAR[usize::from(*byte)]);
        if *byte == b'\n' || (place >= SHORTEST && rolling & ENDS == 0) {
            return place + 1;
        }
    }
    bytes.len()
}

/// Return 256 numbers of the generator SplitMix64.
const fn gear() -> [u64; 256] {
    let (mut table, mut state, mut place) = ([0; 256], 0_u64, 0);
    while place < table.len() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = state;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        table[place] = value ^ (value >> 31);
        place += 1;
    }
    table
}

/// Check the fingerprints of any two sequences of bytes.
pub(crate) fn fuzz(old: &[u8], new: &[u8]) {
    const LIMIT: usize = 16;
    for data in [old, new] {
        let (mut start, mut parts) = (0, 0);
        while start < data.len() {
            let length = end_of_part(&data[start..]);
            assert!((1..=LONGEST).contains(&length), "{length}");
            (start, parts) = (start + length, parts + 1);
        }
        let print = |limit| Print::of(&mut &data[..], data.len() as u64, limit).expect("bytes are readable");
        let (all, few) = (print(usize::MAX / 2), print(LIMIT));
        assert_eq!(all.parts.iter().map(|part| part.count).sum::<u32>(), parts, "all parts are counted");
        assert!(few.parts.len() <= LIMIT, "not bounded");
        assert!(all.parts.is_sorted_by(|one, other| one.hash < other.hash));
        assert_eq!(few.parts, all.sample(few.shift).copied().collect::<Vec<_>>(), "not a sample");
        assert!(data.is_empty() || all.overlap(&all).percent() == 100);
        assert!(!all.is_tiny() || all.tiny_similarity(&all) == 100);
    }
    for limit in [LIMIT, usize::MAX / 2] {
        let [old, new] = [old, new]
            .map(|data| Print::of(&mut &*data, data.len() as u64, limit).expect("bytes are readable"));
        assert_eq!(old.overlap(&new).percent(), new.overlap(&old).percent());
        assert_eq!(old.tiny_similarity(&new), new.tiny_similarity(&old));
        assert_eq!(old.similarity(&new, 50), new.similarity(&old, 50));
        assert!(old.similarity(&new, 50).is_none_or(|percent| (50..=100).contains(&percent)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn print(test: &str, data: &[u8], limit: usize) -> Print {
        let path = std::env::temp_dir().join(format!("binoc-print-{}-{test}", std::process::id()));
        fs::write(&path, data).unwrap();
        let print = Print::read(&Entry::new(&path, &fs::metadata(&path).unwrap()), limit).unwrap();
        fs::remove_file(&path).unwrap();
        print
    }

    fn percent(test: &str, old: &[u8], new: &[u8], limit: usize) -> u8 {
        print(&format!("{test}-a"), old, limit).overlap(&print(&format!("{test}-b"), new, limit)).percent()
    }

    /// Bytes without structure.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn insertion_changes_only_the_parts_around_it() {
        let old = noise(1, 200_000);
        for place in [0, 70_000, 199_999] {
            let new = [&old[..place], b"xy", &old[place..]].concat();
            assert!(percent(&format!("insert-{place}"), &old, &new, 1 << 14) >= 98);
        }
        assert_eq!(percent("unrelated", &old, &noise(2, 200_000), 1 << 14), 0);
    }

    #[test]
    fn a_file_of_one_line_has_many_parts() {
        let json = |edit: usize| {
            let item =
                |n: usize| format!("{{\"id\":{n},\"v\":\"{}\"}}", if n == edit { n + 7 } else { n * n });
            (0..200).map(item).collect::<Vec<_>>().join(",")
        };
        assert!(percent("json", json(999).as_bytes(), json(100).as_bytes(), 1 << 14) >= 90);
    }

    #[test]
    fn other_line_endings_are_no_difference() {
        let text: String = (0..50).map(|n| format!("row {n}\n")).collect();
        assert_eq!(percent("endings", text.as_bytes(), text.replace('\n', "\r\n").as_bytes(), 1 << 14), 100);
    }

    #[test]
    fn large_files_keep_a_sample_of_the_parts() {
        let old = noise(3, 2_000_000);
        let mut new = old[..1_500_000].to_vec();
        new.extend(noise(4, 500_000));
        assert!(print("sample", &old, 512).shift() > 0);
        let percent = percent("sampled", &old, &new, 512);
        assert!((65..=85).contains(&percent), "{percent} % instead of 75 %");
    }

    #[test]
    fn repeated_parts_count_as_often_as_they_occur() {
        assert_eq!(percent("repeated", &[0; 102_400], &[0; 25_600], 64), 25);
        assert_eq!(percent("lines", &b"a\n".repeat(300), &b"a\n".repeat(100), 64), 33);
    }

    #[test]
    fn a_shared_first_line_is_not_enough() {
        let print = |test, data: &str| print(test, data.as_bytes(), 64);
        let (old, new) =
            (print("head-a", "the,names,of,columns\n1,2\n"), print("head-b", "the,names,of,columns\n3,4\n"));
        assert!(old.overlap(&new).percent() > 75);
        assert_eq!(old.similarity(&new, 50), None);
        let more = print("head-c", "the,names,of,columns\n1,2\n5,6\n");
        assert!(old.similarity(&more, 50).is_some());
    }

    #[test]
    fn tiny_files_of_one_line_are_compared_by_bytes() {
        let print = |test, data: &[u8]| print(test, data, 64);
        let (old, new) = (print("tiny-a", b"{\"id\":1,\"v\":20}"), print("tiny-b", b"{\"id\":1,\"v\":30}"));
        assert!(old.is_tiny() && old.tiny_similarity(&new) > 90);
        assert!(!print("tiny-c", b"a\nb\n").is_tiny());
        assert_eq!(print("tiny-d", b"aa").tiny_similarity(&print("tiny-e", b"aaaa")), 50);
    }

    #[test]
    fn lines_are_counted_if_it_is_text() {
        assert_eq!(print("two", b"a\nb", 64).lines, Some(2));
        assert_eq!(print("ended", b"a\nb\n", 64).lines, Some(2));
        assert_eq!(print("zero", b"a\0b\n", 64).lines, None);
    }
}
