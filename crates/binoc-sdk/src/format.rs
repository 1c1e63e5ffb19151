//! Recognition of data formats by the first bytes of a file and by the extension of its name.

/// A data format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Format {
    /// The name, such as `gzip`.
    pub name: &'static str,
    /// The noun with its article, such as `a gzip file`.
    pub noun: &'static str,
    /// The kind of the format.
    pub kind: FormatKind,
    /// File extensions in lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// The bytes that identify the format, and their position; empty if only the extension does.
    signature: (usize, &'static [u8]),
}

/// The kind of a data format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FormatKind {
    /// Another file, compressed.
    Compressed,
    /// Several files in one.
    Archive,
    /// Data in bytes.
    Binary,
    /// Data in lines of text.
    Text,
}

/// The number of first bytes of a file that [`Format::recognise`] requires.
pub const HEAD: usize = 512;

impl Format {
    /// Recognise the format of a file by its first [`HEAD`] bytes, and otherwise by the extension of its name.
    ///
    /// ```
    /// use binoc_sdk::format::{Format, FormatKind};
    ///
    /// let format = Format::recognise("data.csv.gz", b"\x1f\x8b\x08").unwrap();
    /// assert_eq!((format.name, format.kind), ("gzip", FormatKind::Compressed));
    /// assert_eq!(Format::recognise("data.bin", b"\0\x01"), None);
    /// ```
    pub fn recognise(path: &str, head: &[u8]) -> Option<&'static Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        let by_name = |format: &&Self| format.extensions.contains(&extension.as_str());
        let by_head = |format: &&Self| {
            let (start, bytes) = format.signature;
            !bytes.is_empty() && head.get(start..).is_some_and(|head| head.starts_with(bytes))
        };
        // Many formats have the same signature, such as those that are zip archives.
        let both = FORMATS.iter().find(|format| by_head(format) && by_name(format));
        both.or_else(|| FORMATS.iter().find(by_head)).or_else(|| FORMATS.iter().find(by_name))
    }

    /// Return the message that only a part of a file was compared, such as its `bytes` or `lines`.
    pub fn compared_only(&self, part: &str) -> String {
        format!("{}: only its {part} were compared, not its content", self.noun)
    }
}

const fn binary(
    name: &'static str,
    noun: &'static str,
    extensions: &'static [&'static str],
    signature: &'static [u8],
) -> Format {
    Format { name, noun, kind: FormatKind::Binary, extensions, signature: (0, signature) }
}

const fn compressed(
    name: &'static str,
    noun: &'static str,
    extensions: &'static [&'static str],
    signature: &'static [u8],
) -> Format {
    Format { name, noun, kind: FormatKind::Compressed, extensions, signature: (0, signature) }
}

const fn archive(
    name: &'static str,
    noun: &'static str,
    extensions: &'static [&'static str],
    signature: (usize, &'static [u8]),
) -> Format {
    Format { name, noun, kind: FormatKind::Archive, extensions, signature }
}

const fn text(name: &'static str, noun: &'static str, extensions: &'static [&'static str]) -> Format {
    Format { name, noun, kind: FormatKind::Text, extensions, signature: (0, b"") }
}

const ZIP: &[u8] = b"PK\x03\x04";
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// All formats. Of several with the same signature, the first one is the most general.
const FORMATS: &[Format] = &[
    compressed("gzip", "a gzip file", &["gz", "tgz"], b"\x1f\x8b"),
    compressed("bzip2", "a bzip2 file", &["bz2", "tbz2"], b"BZh"),
    compressed("xz", "an xz file", &["xz", "txz"], b"\xfd7zXZ\0"),
    compressed("zstd", "a zstd file", &["zst", "zstd"], b"\x28\xb5\x2f\xfd"),
    compressed("lz4", "an lz4 file", &["lz4"], b"\x04\x22\x4d\x18"),
    compressed("compress", "a file of `compress`", &["z"], b"\x1f\x9d"),
    archive("zip", "a zip archive", &["zip", "jar", "kmz", "whl"], (0, ZIP)),
    archive("zip", "a zip archive", &["zip"], (0, b"PK\x05\x06")),
    archive("tar", "a tar archive", &["tar"], (257, b"ustar")),
    archive("7z", "a 7z archive", &["7z"], (0, b"7z\xbc\xaf\x27\x1c")),
    archive("rar", "a rar archive", &["rar"], (0, b"Rar!\x1a\x07")),
    binary("Excel", "an Excel workbook", &["xlsx", "xlsm", "xltx"], ZIP),
    binary("OpenDocument", "an OpenDocument file", &["ods", "odt", "odp"], ZIP),
    binary("Word", "a Word document", &["docx"], ZIP),
    binary("PowerPoint", "a PowerPoint document", &["pptx"], ZIP),
    binary("NumPy", "a NumPy archive", &["npz"], ZIP),
    binary("OLE", "a document of Microsoft Office (OLE)", &["doc", "ppt", "mdb"], OLE),
    binary("Excel", "an Excel workbook", &["xls"], OLE),
    binary("Excel", "an Excel workbook", &["xlsb"], ZIP),
    binary("Parquet", "a Parquet file", &["parquet", "pq"], b"PAR1"),
    binary("ORC", "an ORC file", &["orc"], b"ORC"),
    binary("Avro", "an Avro file", &["avro"], b"Obj\x01"),
    binary("Arrow", "an Arrow file", &["arrow", "feather", "ipc"], b"ARROW1"),
    binary("Feather", "a Feather file", &["feather"], b"FEA1"),
    binary("HDF5", "an HDF5 file", &["h5", "hdf5", "he5", "h5ad", "hdf"], HDF5),
    binary("NetCDF", "a NetCDF file", &["nc", "nc4"], HDF5),
    binary("MATLAB", "a MATLAB file", &["mat"], HDF5),
    binary("NetCDF", "a NetCDF file", &["nc", "cdf"], b"CDF\x01"),
    binary("NetCDF", "a NetCDF file", &["nc", "cdf"], b"CDF\x02"),
    binary("NetCDF", "a NetCDF file", &["nc", "cdf"], b"CDF\x05"),
    binary("HDF4", "an HDF4 file", &["hdf", "hdf4"], b"\x0e\x03\x13\x01"),
    binary("SQLite", "a SQLite database", &["sqlite", "sqlite3", "gpkg"], b"SQLite format 3\0"),
    binary("NumPy", "a NumPy file", &["npy"], b"\x93NUMPY"),
    binary("Stata", "a Stata file", &["dta"], b"<stata_dta>"),
    binary("SPSS", "an SPSS file", &["sav", "zsav"], b"$FL"),
    binary("SAS", "a SAS file", &["sas7bdat", "xpt"], b"HEADER RECORD*******LIB"),
    text("JSON", "a JSON document", &["json", "jsonld", "ipynb", "topojson"]),
    text("GeoJSON", "a GeoJSON document", &["geojson"]),
    text("JSON Lines", "a JSON Lines file", &["jsonl", "ndjson"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn noun(path: &str, head: &[u8]) -> Option<&'static str> {
        Format::recognise(path, head).map(|format| format.noun)
    }

    #[test]
    fn signature_is_stronger_than_extension() {
        assert_eq!(noun("x.zip", b"\x1f\x8b\x08"), Some("a gzip file"));
        assert_eq!(noun("x", b"PAR1\x15"), Some("a Parquet file"));
        assert_eq!(noun("x.gz", b"damaged"), Some("a gzip file"));
        let mut tar = vec![0; HEAD];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(noun("x", &tar), Some("a tar archive"));
    }

    #[test]
    fn extension_selects_one_of_several_formats_with_the_same_signature() {
        assert_eq!(noun("x.xlsx", b"PK\x03\x04"), Some("an Excel workbook"));
        assert_eq!(noun("d/x.ODS", b"PK\x03\x04"), Some("an OpenDocument file"));
        assert_eq!(noun("x.unknown", b"PK\x03\x04"), Some("a zip archive"));
        assert_eq!(noun("x.nc", HDF5), Some("a NetCDF file"));
        assert_eq!(noun("x.xls", OLE), Some("an Excel workbook"));
        assert_eq!(noun("x.jsonl", b"{}\n"), Some("a JSON Lines file"));
    }

    #[test]
    fn other_files_are_not_recognised() {
        assert_eq!(noun("json", b"{}"), None);
        assert_eq!(noun("d.gz/x", b"plain"), None);
        assert_eq!(noun("x.csv", b""), None);
    }

    #[test]
    fn extensions_are_in_lower_case() {
        for extension in FORMATS.iter().flat_map(|format| format.extensions) {
            assert_eq!(*extension, extension.to_ascii_lowercase());
        }
    }
}
