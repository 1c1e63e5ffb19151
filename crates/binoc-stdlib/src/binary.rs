//! Comparison of files by bytes, for all files that no other comparator supports.

use std::fs::File;
use std::io::{BufReader, Read};

use binoc_sdk::{Comparator, ComparatorInfo, CompareRequest, Error, Fact, Node, Outcome, Result, Side, show};

pub(crate) struct Binary;

impl Comparator for Binary {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("binary").with_any()
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let (left, right) = (&request.left, &request.right);
        let text = match first_difference(left, right)? {
            Some(place) => format!("content differs from byte {} on", place + 1),
            None if left.bytes < right.bytes => {
                format!("{} appended", show::plural(right.bytes - left.bytes, "byte"))
            }
            None => format!("{} cut off at the end", show::plural(left.bytes - right.bytes, "byte")),
        };
        let mut node = Node::new("changed", "binary", "");
        node.push("content", Fact::new("bytes.differ", text));
        Ok(Outcome::changed(node))
    }
}

/// Return the position of the first byte that differs; `None` if one file begins with the other.
fn first_difference(left: &Side, right: &Side) -> Result<Option<u64>> {
    let open = |side: &Side| {
        File::open(&side.local)
            .map(|file| BufReader::with_capacity(1 << 16, file).bytes())
            .map_err(|error| Error::io(&side.local, error))
    };
    for (place, (old, new)) in (0..).zip(open(left)?.zip(open(right)?)) {
        let old = old.map_err(|error| Error::io(&left.local, error))?;
        let new = new.map_err(|error| Error::io(&right.local, error))?;
        if old != new {
            return Ok(Some(place));
        }
    }
    Ok(None)
}
