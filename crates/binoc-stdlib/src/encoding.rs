//! Encodings of text: detection, decoding to UTF-8 in blocks, and facts about what changed.

use std::fmt;
use std::io::{self, Read};

use binoc_sdk::Fact;
use encoding_rs::mem;

/// The size of the blocks that are decoded, in bytes.
const BLOCK: usize = 1 << 16;
/// The number of bytes that [`Survey`] checks at a time; they fit into the fastest cache.
const SURVEYED: usize = 1 << 14;

/// The encoding of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
    /// Bytes that are compared as they are.
    Unknown,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "Windows-1252 (or ISO-8859-1)",
            Self::Unknown => "an unknown encoding",
        })
    }
}

/// An encoding, and whether the text begins with a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) encoding: Encoding,
    pub(crate) bom: bool,
}

impl Encoded {
    pub(crate) const UTF8: Self = Self { encoding: Encoding::Utf8, bom: false };

    /// Return the length of the byte order mark, in bytes.
    pub(crate) fn bom_len(self) -> usize {
        match (self.bom, self.is_utf16()) {
            (false, _) => 0,
            (true, true) => 2,
            (true, false) => 3,
        }
    }

    /// Return whether [`decode`] changes the bytes after the byte order mark.
    pub(crate) fn is_decoded(self) -> bool {
        !matches!(self.encoding, Encoding::Utf8 | Encoding::Unknown)
    }

    pub(crate) fn is_utf16(self) -> bool {
        matches!(self.encoding, Encoding::Utf16Le | Encoding::Utf16Be)
    }
}

/// Return the encoding of a text from its first bytes. Text without evidence of UTF-16 is assumed to be UTF-8; use
/// [`resolve`] after all bytes were surveyed.
pub(crate) fn detect(head: &[u8]) -> Encoded {
    const BOMS: [(&[u8], Encoding); 3] = [
        (b"\xef\xbb\xbf", Encoding::Utf8),
        (b"\xff\xfe", Encoding::Utf16Le),
        (b"\xfe\xff", Encoding::Utf16Be),
    ];
    for (bom, encoding) in BOMS {
        let Some(text) = head.strip_prefix(bom) else { continue };
        let encoded = Encoded { encoding, bom: true };
        // Binary data can begin with the same bytes by chance, and UTF-32 has the same ones at its beginning.
        if !encoded.is_utf16() || (!text.starts_with(&[0, 0]) && Units::count(text, encoding).is_plausible())
        {
            return encoded;
        }
    }
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let encoding = if odd > even { Encoding::Utf16Le } else { Encoding::Utf16Be };
    let (zeros, others, units) = (even.max(odd), even.min(odd), head.len() / 2);
    // In Latin script, every second byte is zero; in others, those of spaces, digits and line endings are.
    let is_utf8 = is_utf8_prefix(head);
    let enough = if is_utf8 { units / 2 } else { units / 20 };
    if units < 2 || zeros <= enough || others * 50 > zeros {
        return Encoded::UTF8;
    }
    let counts = Units::count(head, encoding);
    // A table in ASCII with empty cells that are zero bytes looks like UTF-16, but not in its header.
    let many_pairs = counts.ascii_pairs * 20 > units;
    let is_ascii = match is_utf8 {
        true => head[0] != 0 && head[1] != 0 || many_pairs,
        false => many_pairs && (counts.ascii_pairs * 2 + zeros) > units || counts.spaces == 0,
    };
    if is_ascii || !counts.is_plausible() || counts.unpaired > 0 {
        return Encoded::UTF8;
    }
    Encoded { encoding, bom: false }
}

/// Return whether bytes are UTF-8; the last character can be incomplete.
fn is_utf8_prefix(head: &[u8]) -> bool {
    std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// Return whether the first bytes of a file are text and not binary data. `expected` is whether the name of the file
/// says that it is text: then a few control characters, such as zero bytes, and other 8-bit encodings are text too.
pub(crate) fn is_text(head: &[u8], expected: bool) -> bool {
    let encoded = detect(head);
    if encoded.is_utf16() {
        // Small numbers of 16 bits look like UTF-16 without a byte order mark.
        return encoded.bom || expected;
    }
    let controls = head.iter().filter(|byte| is_control(u16::from(**byte))).count();
    let allowed = match (is_utf8_prefix(head), expected) {
        (true, true) => head.len() / 4,
        (true, false) | (false, true) => head.len() / 100,
        (false, false) => return false,
    };
    controls <= allowed
}

/// Return whether a character is a control character that is not usual in text.
fn is_control(unit: u16) -> bool {
    matches!(unit, 0..=7 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)
}

/// Counts of the units of UTF-16 in the first bytes of a file.
#[derive(Default)]
struct Units {
    all: usize,
    /// Surrogates that are not half of a pair.
    unpaired: usize,
    /// Control characters, and characters that no text contains.
    odd: usize,
    /// Units of two bytes that are both printable ASCII characters.
    ascii_pairs: usize,
    /// Spaces, line endings and delimiters.
    spaces: usize,
}

impl Units {
    fn count(head: &[u8], encoding: Encoding) -> Self {
        let mut counts = Self::default();
        let mut units = Vec::with_capacity(head.len() / 2);
        append_units(head, encoding, &mut units);
        if units.last().is_some_and(|unit| is_high(*unit)) {
            units.pop();
        }
        counts.all = units.len();
        for pair in char::decode_utf16(units.iter().copied()) {
            match pair.map(u32::from) {
                Err(_) => counts.unpaired += 1,
                Ok(0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfff0..=0xfffb | 0xfffe..=0xffff) => counts.odd += 1,
                Ok(_) => {}
            }
        }
        for unit in units {
            let [high, low] = unit.to_be_bytes();
            counts.odd += usize::from(is_control(unit));
            let is_ascii = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
            counts.ascii_pairs += usize::from(is_ascii(high) && is_ascii(low));
            counts.spaces += usize::from(
                matches!(unit, 0x09 | 0x0a | 0x0d | 0x20)
                    || [b',', b';', b'|'].map(u16::from).contains(&unit),
            );
        }
        counts
    }

    fn is_plausible(&self) -> bool {
        (self.unpaired + self.odd) * 50 <= self.all
    }
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn append_units(bytes: &[u8], encoding: Encoding, units: &mut Vec<u16>) {
    let pairs = bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    match encoding {
        Encoding::Utf16Be => units.extend(pairs.map(u16::from_be_bytes)),
        _ => units.extend(pairs.map(u16::from_le_bytes)),
    }
}

/// Return a reader of the text as UTF-8, without its byte order mark. Different bytes stay different: what is not valid
/// becomes bytes that are not UTF-8.
pub(crate) fn decode<'a>(
    mut source: impl Read + Send + 'a,
    encoded: Encoded,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut bom = [0; 3];
    source.read_exact(&mut bom[..encoded.bom_len()])?;
    if !encoded.is_decoded() {
        return Ok(Box::new(source));
    }
    Ok(Box::new(Decoder {
        source,
        encoding: encoded.encoding,
        input: vec![0; BLOCK],
        filled: 0,
        units: Vec::new(),
        output: Vec::new(),
        place: 0,
        ended: false,
    }))
}

struct Decoder<R> {
    source: R,
    encoding: Encoding,
    /// Bytes that are not decoded yet: the first `filled` ones.
    input: Vec<u8>,
    filled: usize,
    units: Vec<u16>,
    /// Decoded bytes; those before `place` were read.
    output: Vec<u8>,
    place: usize,
    ended: bool,
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.place == self.output.len() && !self.ended {
            self.fill()?;
        }
        let count = buffer.len().min(self.output.len() - self.place);
        buffer[..count].copy_from_slice(&self.output[self.place..self.place + count]);
        self.place += count;
        Ok(count)
    }
}

impl<R: Read> Decoder<R> {
    fn fill(&mut self) -> io::Result<()> {
        let count = self.source.read(&mut self.input[self.filled..])?;
        (self.ended, self.filled) = (count == 0, self.filled + count);
        (self.output, self.place) = (std::mem::take(&mut self.output), 0);
        self.output.clear();
        let used = match self.encoding {
            Encoding::Windows1252 => self.windows_1252(),
            _ => self.utf16(),
        };
        self.input.copy_within(used..self.filled, 0);
        self.filled -= used;
        Ok(())
    }

    /// Decode the input and return the number of bytes that were decoded.
    fn windows_1252(&mut self) -> usize {
        // Three bytes are the longest UTF-8 of a character of Windows-1252.
        self.output.resize(self.filled * 3, 0);
        let mut decoder = encoding_rs::WINDOWS_1252.new_decoder_without_bom_handling();
        let input = &self.input[..self.filled];
        let (_, read, written) = decoder.decode_to_utf8_without_replacement(input, &mut self.output, false);
        self.output.truncate(written);
        read
    }

    /// Decode the input and return the number of bytes that were decoded.
    fn utf16(&mut self) -> usize {
        self.units.clear();
        append_units(&self.input[..self.filled], self.encoding, &mut self.units);
        if !self.ended && self.units.last().is_some_and(|unit| is_high(*unit)) {
            self.units.pop();
        }
        let mut units = &self.units[..];
        while let Some(unit) = {
            let valid = mem::utf16_valid_up_to(units);
            let start = self.output.len();
            // Three bytes are the longest UTF-8 of a unit.
            self.output.resize(start + valid * 3, 0);
            let written = mem::convert_utf16_to_utf8(&units[..valid], &mut self.output[start..]);
            self.output.truncate(start + written);
            units = &units[valid..];
            units.first().copied()
        } {
            // Write a surrogate without its pair in the three bytes that UTF-8 would have for it (WTF-8).
            let [first, second, third] = [unit >> 12, (unit >> 6) & 0x3f, unit & 0x3f].map(|bits| bits as u8);
            self.output.extend([0xe0 | first, 0x80 | second, 0x80 | third]);
            units = &units[1..];
        }
        let used = self.units.len() * 2;
        if !self.ended || used == self.filled {
            return used;
        }
        // Write half of a unit at the end so that no text has the same bytes: UTF-8 never contains 0xFE and 0xFF.
        let byte = self.input[used];
        self.output.extend([0xfe | byte >> 7, 0x80 | byte]);
        self.filled
    }
}

/// Properties of all bytes of a text: line endings and characters. It is fed in blocks of any size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The numbers of line endings: LF, CRLF, and CR that is not before LF.
    pub(crate) lf: u64,
    pub(crate) crlf: u64,
    pub(crate) cr: u64,
    /// The number of characters of UTF-8 with two bytes or more.
    pub(crate) multibyte: u64,
    /// The number of byte sequences that are not UTF-8.
    pub(crate) invalid: u64,
    /// Whether there are bytes that Windows-1252 does not define, other than in UTF-8.
    undefined: bool,
    /// The beginning of a character that continues in the next block.
    carry: [u8; 4],
    carried: usize,
    /// Whether the last block ended with CR.
    after_cr: bool,
}

impl Survey {
    /// Return the survey of a complete text.
    #[cfg(test)]
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut survey = Self::default();
        survey.feed(text);
        survey.finish();
        survey
    }

    /// Add the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(SURVEYED) {
            self.count_line_endings(block);
            if self.carried > 0 || !block.is_ascii() {
                self.check_characters(block);
            }
        }
    }

    /// Add the survey of another part of the same file.
    pub(crate) fn add(&mut self, other: &Self) {
        self.lf += other.lf;
        self.crlf += other.crlf;
        self.cr += other.cr;
        self.multibyte += other.multibyte;
        self.invalid += other.invalid;
        self.undefined |= other.undefined;
    }

    /// Forget kinds of line endings (LF, CRLF, CR) that are inside of cells only.
    pub(crate) fn forget_endings(&mut self, kinds: [bool; 3]) {
        for (count, forget) in [&mut self.lf, &mut self.crlf, &mut self.cr].into_iter().zip(kinds) {
            if forget {
                *count = 0;
            }
        }
    }

    /// Note the end of the text.
    pub(crate) fn finish(&mut self) {
        self.invalid += u64::from(std::mem::take(&mut self.carried) > 0);
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.multibyte == 0 && self.invalid == 0
    }

    pub(crate) fn is_utf8(&self) -> bool {
        self.invalid == 0
    }

    fn count_line_endings(&mut self, block: &[u8]) {
        let newlines = memchr::memchr_iter(b'\n', block).count() as u64;
        let returns = memchr::memchr_iter(b'\r', block).count() as u64;
        // The CR at the end of the last block was counted as one that is not before LF.
        let across = u64::from(self.after_cr && block[0] == b'\n');
        let pairs = across + if returns > 0 { count_pairs(block) } else { 0 };
        self.crlf += pairs;
        self.lf += newlines - pairs;
        self.cr = self.cr + returns - pairs;
        self.after_cr = block.last() == Some(&b'\r');
    }

    fn check_characters(&mut self, mut block: &[u8]) {
        while self.carried > 0 && !block.is_empty() {
            self.carry[self.carried] = block[0];
            match std::str::from_utf8(&self.carry[..=self.carried]) {
                Ok(_) => (self.multibyte, self.carried) = (self.multibyte + 1, 0),
                Err(error) if error.error_len().is_none() => self.carried += 1,
                Err(_) => {
                    // The byte begins another character.
                    (self.invalid, self.carried) = (self.invalid + 1, 0);
                    continue;
                }
            }
            block = &block[1..];
        }
        let (valid, rest) = block.split_at(encoding_rs::Encoding::utf8_valid_up_to(block));
        self.multibyte += count_leads(valid);
        self.undefined = self.undefined
            || memchr::memchr3(0x81, 0x8d, 0x8f, rest).is_some()
            || memchr::memchr2(0x90, 0x9d, rest).is_some();
        let mut chunks = rest.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.multibyte += count_leads(chunk.valid().as_bytes());
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            if chunks.peek().is_none() && is_utf8_prefix(invalid) {
                self.carry[..invalid.len()].copy_from_slice(invalid);
                self.carried = invalid.len();
            } else {
                self.invalid += 1;
            }
        }
    }
}

/// Return the number of CRLF in a block.
fn count_pairs(block: &[u8]) -> u64 {
    // A sum of a byte for at most 255 places, which compilers turn into vector instructions.
    let count = |(first, second): (&[u8], &[u8])| {
        let pairs = first.iter().zip(second);
        u64::from(pairs.map(|(first, second)| u8::from((*first == b'\r') & (*second == b'\n'))).sum::<u8>())
    };
    block[..block.len() - 1].chunks(240).zip(block[1..].chunks(240)).map(count).sum()
}

/// Return the number of first bytes of characters of two bytes or more.
fn count_leads(valid: &[u8]) -> u64 {
    let count = |chunk: &[u8]| u64::from(chunk.iter().map(|byte| u8::from(*byte >= 0xc0)).sum::<u8>());
    valid.chunks(240).map(count).sum()
}

/// Return the encodings to read both versions of a file with, after all bytes of both were surveyed.
///
/// A version that is not UTF-8 is read as Windows-1252 if the other one is Unicode and nothing contradicts it. If both
/// are not UTF-8, their bytes are compared.
pub(crate) fn resolve(old: (Encoded, &Survey), new: (Encoded, &Survey)) -> [Encoded; 2] {
    let one = |(encoded, survey): (Encoded, &Survey), other: (Encoded, &Survey)| {
        if encoded.encoding != Encoding::Utf8 || survey.is_utf8() {
            return encoded;
        }
        let is_unicode = other.0.is_utf16() || other.1.is_utf8() && !other.1.is_ascii();
        // Damaged UTF-8 has more valid characters than invalid ones.
        let possible = !encoded.bom && !survey.undefined && survey.invalid > survey.multibyte;
        let encoding = if is_unicode && possible { Encoding::Windows1252 } else { Encoding::Unknown };
        Encoded { encoding, ..encoded }
    };
    [one(old, new), one(new, old)]
}

/// Return facts about changes of encoding, byte order mark and line endings. `old` and `new` are the encodings of
/// [`resolve`] and the surveys; the survey of a version in UTF-16 is that of the decoded text.
pub(crate) fn facts(old: (Encoded, &Survey), new: (Encoded, &Survey)) -> Vec<Fact> {
    let mut facts = Vec::new();
    let (before, after) = (old.0, new.0);
    if [before, after].iter().any(|side| side.encoding == Encoding::Unknown) {
        facts.push(Fact::new("encoding.unknown", "not UTF-8: compared byte by byte"));
    } else if before.encoding != after.encoding {
        // The byte order is of interest only if it is what changed.
        let name = |side: Encoded| match side.is_utf16() && !(before.is_utf16() && after.is_utf16()) {
            true => "UTF-16".to_owned(),
            false => side.encoding.to_string(),
        };
        let text = format!("encoding changed from {} to {}", name(before), name(after));
        facts.push(Fact::new("encoding.changed", text));
    } else if before.is_utf16() {
        facts.push(Fact::new("encoding.utf-16", "read as UTF-16"));
    }
    // In a change from or to UTF-16, its byte order mark is expected.
    let bom = |one: Encoded, other: Encoded| {
        one.bom && !other.bom && (!one.is_utf16() || one.encoding == other.encoding)
    };
    if bom(after, before) {
        facts.push(Fact::new("encoding.bom-added", "byte order mark added"));
    }
    if bom(before, after) {
        facts.push(Fact::new("encoding.bom-removed", "byte order mark removed"));
    }
    if let (Some(old), Some(new)) = (endings(old.1), endings(new.1))
        && old != new
    {
        let text = format!("line endings changed from {old} to {new}");
        facts.push(Fact::new("encoding.line-endings", text));
    }
    facts
}

fn endings(survey: &Survey) -> Option<String> {
    let kinds = [("LF", survey.lf), ("CRLF", survey.crlf), ("CR", survey.cr)];
    let names: Vec<_> = kinds.iter().filter(|kind| kind.1 > 0).map(|kind| kind.0).collect();
    match &names[..] {
        [] => None,
        [name] => Some((*name).to_owned()),
        _ => Some(format!("mixed ({})", names.join(", "))),
    }
}

/// Check the properties of encodings on any bytes.
pub(crate) fn fuzz(data: &[u8]) {
    let read = |data: &[u8], encoded: Encoded, step: usize| {
        let mut text = Vec::new();
        let source = Steps { data, step };
        decode(source, encoded).and_then(|mut text_reader| text_reader.read_to_end(&mut text)).map(|_| text)
    };
    let detected = detect(data);
    is_text(data, true);
    let mut survey = Survey::default();
    data.chunks(1 + data.len() % 7).for_each(|block| survey.feed(block));
    survey.finish();
    assert_eq!(survey.is_utf8(), std::str::from_utf8(data).is_ok());
    assert_eq!(survey.is_ascii(), data.is_ascii());
    assert_eq!(survey.lf + survey.crlf, data.iter().filter(|byte| **byte == b'\n').count() as u64);
    assert_eq!(survey.cr + survey.crlf, data.iter().filter(|byte| **byte == b'\r').count() as u64);
    let [old, new] = resolve((detected, &survey), (Encoded::UTF8, &survey));
    facts((old, &survey), (new, &survey));
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252] {
        let encoded = Encoded { encoding, bom: false };
        let text = read(data, encoded, usize::MAX).expect("bytes in memory are readable");
        assert_eq!(read(data, encoded, 1 + data.len() % 5).ok().as_ref(), Some(&text), "depends on blocks");
        assert!(text.len() <= data.len() * 3, "not bounded");
        assert_eq!(encode(&text, encoding), data, "different bytes become the same text");
    }
    assert!(read(data, detected, usize::MAX).is_ok());
}

/// A source that returns a few bytes at a time.
struct Steps<'a> {
    data: &'a [u8],
    step: usize,
}

impl Read for Steps<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.step.min(buffer.len());
        (&mut self.data).take(step as u64).read(buffer)
    }
}

/// Return the only bytes that [`decode`] turns into this text.
fn encode(text: &[u8], encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut push = |unit: u16| match encoding {
        Encoding::Utf16Be => bytes.extend(unit.to_be_bytes()),
        Encoding::Utf16Le => bytes.extend(unit.to_le_bytes()),
        _ => bytes.push(windows_1252_byte(unit)),
    };
    let mut rest = text;
    let mut half = None;
    while !rest.is_empty() {
        let valid = encoding_rs::Encoding::utf8_valid_up_to(rest);
        let (start, end) = rest.split_at(valid);
        String::from_utf8_lossy(start).encode_utf16().for_each(&mut push);
        rest = match end {
            [] => end,
            [first @ 0xed, second, third, after @ ..] => {
                let bits = [*first & 0xf, *second & 0x3f, *third & 0x3f].map(u16::from);
                push(bits[0] << 12 | bits[1] << 6 | bits[2]);
                after
            }
            [first, second] => {
                half = Some(first << 7 | second & 0x7f);
                &[]
            }
            _ => panic!("{end:?} is not the result of decoding"),
        };
    }
    bytes.extend(half);
    bytes
}

fn windows_1252_byte(unit: u16) -> u8 {
    let text = char::from_u32(unit.into()).expect("a character").to_string();
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(&text);
    assert!(!unmappable, "{text:?} is not in Windows-1252");
    bytes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::mutations;

    fn utf16(text: &str, encoding: Encoding) -> Vec<u8> {
        encode(text.as_bytes(), encoding)
    }

    /// Return the encodings of both sides and the texts of the facts, as a comparator does it.
    fn compare(old: &[u8], new: &[u8]) -> ([Encoding; 2], Vec<String>) {
        let sides = [old, new].map(|data| {
            let encoded = detect(data);
            let mut text = Vec::new();
            decode(data, encoded).unwrap().read_to_end(&mut text).unwrap();
            (encoded, Survey::of(&text))
        });
        let [old, new] = resolve((sides[0].0, &sides[0].1), (sides[1].0, &sides[1].1));
        let facts = facts((old, &sides[0].1), (new, &sides[1].1));
        ([old.encoding, new.encoding], facts.into_iter().map(|fact| fact.text).collect())
    }

    #[test]
    fn utf16_is_detected_without_bom() {
        let texts = [
            "id,n\n1,a\n",
            "ab",
            "Größe;Ort\r\n1;Köln …\r\n",
            "编号,姓名\n1,张伟\n2,王芳 李娜\n",
            "é\n“x” and 12\n",
        ];
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            for text in texts {
                let expected = Encoded { encoding, bom: false };
                assert_eq!(detect(&utf16(text, encoding)), expected, "{text}");
                let with_bom = utf16(&format!("\u{feff}{text}"), encoding);
                assert_eq!(detect(&with_bom), Encoded { encoding, bom: true }, "{text}");
            }
        }
    }

    #[test]
    fn zero_bytes_are_not_utf16() {
        let table = b"id,n\n1,\0\n2,\0\n".to_vec();
        let spaced = [&b"a,b,c\n"[..], &b"1,\0,\0,\0\n".repeat(500)].concat();
        let latin = [&b"a,b\xe9c\n"[..], &b"\xe9,\0,\0,\0\n".repeat(500)].concat();
        let zeros = vec![0; 1000];
        let mut random = crate::fuzzing::random(5);
        let noise: Vec<u8> = (0..4096).map(|_| random(256) as u8).collect();
        let samples: Vec<u8> = (0..2000_i16).flat_map(|n| (n % 89 * 37 % 900 - 450).to_le_bytes()).collect();
        let integers: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        let small: Vec<u8> = (0..2000_u16).flat_map(|n| (n % 60).to_le_bytes()).collect();
        for data in
            [table, spaced, latin, zeros, noise, samples, integers, small, b"x\0".to_vec(), Vec::new()]
        {
            assert_eq!(
                detect(&data),
                Encoded::UTF8,
                "{}",
                String::from_utf8_lossy(&data[..data.len().min(20)])
            );
        }
        // A byte order mark by chance, and UTF-32.
        assert_eq!(detect(b"\xff\xfe\0\0a\0\0\0b\0\0\0"), Encoded::UTF8);
        assert_eq!(detect(b"\xff\xfe\x01\0\x02\0\x03\0"), Encoded::UTF8);
    }

    #[test]
    fn text_is_told_from_binary_data() {
        assert!(is_text(b"id,n\n1,a\n2,b\0", true));
        assert!(is_text(b"a\0b\n", true) && !is_text(b"a\0b\n", false));
        assert!(is_text(b"caf\xe9\n", true) && !is_text(b"caf\xe9\n", false));
        assert!(is_text("caf\u{e9}\n".as_bytes(), false) && is_text(b"", false));
        assert!(is_text(b"a\0b\0c\0\n\0", true) && !is_text(b"a\0b\0c\0\n\0", false));
        // The head of a file can end inside a character.
        assert!(is_text(b"caf\xc3", false));
        assert!(!is_text(b"\x7fELF\x02\x01\x01\0\0\0\0\0", true));
        assert!(!is_text(&(0..40).collect::<Vec<u8>>(), true));
    }

    #[test]
    fn changed_encodings_are_stated() {
        let (latin, utf8) = (&b"caf\xe9\n"[..], "café\n".as_bytes());
        let wide = utf16("café\n", Encoding::Utf16Le);
        let changed = |old, new| format!("encoding changed from {old} to {new}");
        assert_eq!(
            compare(latin, utf8),
            ([Encoding::Windows1252, Encoding::Utf8], vec![changed("Windows-1252 (or ISO-8859-1)", "UTF-8")])
        );
        assert_eq!(compare(utf8, &wide).1, [changed("UTF-8", "UTF-16")]);
        assert_eq!(compare(&wide, latin).1, [changed("UTF-16", "Windows-1252 (or ISO-8859-1)")]);
        let big = utf16("café\n", Encoding::Utf16Be);
        assert_eq!(compare(&wide, &big).1, [changed("UTF-16LE", "UTF-16BE")]);
        let marked = utf16("\u{feff}café\n", Encoding::Utf16Le);
        assert_eq!(compare(b"cafe\n", &marked).1, [changed("UTF-8", "UTF-16")]);
        assert_eq!(compare(&wide, &marked).1, ["read as UTF-16", "byte order mark added"]);
        assert_eq!(compare("\u{feff}x".as_bytes(), b"x").1, ["byte order mark removed"]);
    }

    #[test]
    fn bytes_of_unknown_encoding_are_compared() {
        let unknown = "not UTF-8: compared byte by byte";
        // Both are not UTF-8; an ASCII text is in every encoding; an undefined byte; damaged UTF-8.
        for (old, new) in [
            (&b"caf\xe9"[..], &b"caf\xe8"[..]),
            (b"cafe", b"caf\xe9"),
            (b"caf\x81\xe9", "café".as_bytes()),
            ("caf\u{e9} caf\u{e9}\u{e9}\n\u{e9}".as_bytes(), b"caf\xc3\xa9 caf\xc3\xa9\xe9\n\xc3\xa9"),
        ] {
            let (encodings, facts) = compare(old, new);
            assert!(encodings.contains(&Encoding::Unknown));
            assert_eq!(facts, [unknown]);
        }
    }

    #[test]
    fn line_endings_are_stated() {
        let ends = |old: &[u8], new: &[u8]| compare(old, new).1;
        assert_eq!(ends(b"a\nb\n", b"a\rb\r"), ["line endings changed from LF to CR"]);
        assert_eq!(
            ends(b"a\r\nb", b"a\r\nb\nc\r"),
            ["line endings changed from CRLF to mixed (LF, CRLF, CR)"]
        );
        assert_eq!(ends(b"a", b"a\n"), Vec::<String>::new());
        assert_eq!(
            ends(b"a\n", &utf16("a\r\n", Encoding::Utf16Be))[1],
            "line endings changed from LF to CRLF"
        );
    }

    #[test]
    fn properties_hold_for_mutated_texts() {
        let seeds = [
            b"id,n\r\n1,caf\xe9\n2,\0\n".to_vec(),
            "編號,n\r1,€😀\n".as_bytes().to_vec(),
            utf16("\u{feff}a😀b\r\nc", Encoding::Utf16Le),
            utf16("a😀b\r\nc", Encoding::Utf16Be),
            b"\xd8\x00\xdc\x00\xd8\x00\x00\xd8\x00".to_vec(),
        ];
        mutations(&seeds, 1_500, fuzz);
        let large: Vec<u8> = b"x\x00\x3d\xd8\x00\xde\n".repeat(40_000);
        fuzz(&large);
    }
}
