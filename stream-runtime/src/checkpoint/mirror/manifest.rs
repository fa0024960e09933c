//! [`Manifest`]: which objects make up a mirror.
//!
//! Manifests are numbered, and each is created under a name that didn't exist before, after the objects that it names. So the
//! last one always names a whole checkpoint, and of two writers only one can go on: the other finds its next number taken.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the mirror's layout.
const VERSION: u32 = 1;
/// The folder that the manifests are in.
pub(super) const FOLDER: &str = "manifest";
/// How a manifest's last line begins.
const CHECKSUM: &str = "\nchecksum ";

/// A mirror as of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) version: u32,
    /// The query; another one is refused.
    pub(super) query_id: Uuid,
    /// The run that wrote it.
    pub(super) run: Uuid,
    pub(super) tip: Tip,
    /// The image; nothing has been mirrored yet if there is none.
    pub(super) image: Vec<Object>,
    /// What has changed since, oldest first.
    pub(super) changes: Vec<Object>,
}

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tip {
    /// The last batch planned, and a checksum of its plan.
    pub(super) planned: Option<u64>,
    pub(super) plan_crc32: u32,
    /// The last batch committed.
    pub(super) committed: Option<u64>,
}

/// One object of a mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    /// Its name below the mirror's prefix.
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl Manifest {
    pub(super) fn empty(query_id: Uuid, run: Uuid) -> Self {
        let (image, changes) = (Vec::new(), Vec::new());
        Self { version: VERSION, query_id, run, tip: Tip::default(), image, changes }
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.image.iter().chain(&self.changes)
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, String> {
        let json =
            serde_json::to_string(self).map_err(|error| format!("a manifest can't be encoded: {error}"))?;
        let checksum = crc32fast::hash(json.as_bytes());
        Ok(format!("{json}{CHECKSUM}{checksum:08x}\n").into_bytes())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "isn't text".to_owned())?;
        let (json, checksum) = text.rsplit_once(CHECKSUM).ok_or("lacks its checksum")?;
        if checksum != format!("{:08x}\n", crc32fast::hash(json.as_bytes())) {
            return Err("doesn't match its checksum".to_owned());
        }
        let Versioned { version } = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if version != VERSION {
            return Err(format!("has version {version}, and this release reads version {VERSION}"));
        }
        serde_json::from_str(json).map_err(|error| error.to_string())
    }
}

/// The name of a manifest. Names sort as their numbers do.
pub(super) fn name(number: u64) -> String {
    format!("{FOLDER}/{number:020}")
}

/// The number of the manifest of this name.
pub(super) fn number(name: &str) -> Option<u64> {
    let number = name.strip_prefix(FOLDER)?.strip_prefix('/')?.parse().ok()?;
    (self::name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let object = |name: &str| Object { name: name.to_owned(), bytes: 7, crc32: 9 };
        let tip = Tip { planned: Some(4), plan_crc32: 1, committed: Some(3) };
        let empty = Manifest::empty(Uuid::from_u128(1), Uuid::from_u128(2));
        Manifest { tip, image: vec![object("a")], changes: vec![object("b"), object("c")], ..empty }
    }

    #[test]
    fn a_manifest_comes_back_as_it_was() {
        assert_eq!(Manifest::decode(&manifest().encode().unwrap()), Ok(manifest()));
    }

    #[test]
    fn any_flipped_bit_and_any_missing_byte_is_noticed() {
        let encoded = manifest().encode().unwrap();
        for bit in 0..encoded.len() * 8 {
            let mut damaged = encoded.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::decode(&damaged).is_err(), "bit {bit}");
        }
        for length in 0..encoded.len() {
            assert!(Manifest::decode(&encoded[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let newer = Manifest { version: VERSION + 1, ..manifest() };
        let error = Manifest::decode(&newer.encode().unwrap()).unwrap_err();
        assert_eq!(error, "has version 2, and this release reads version 1");
    }

    #[test]
    fn names_sort_by_number_and_only_those_are_manifests() {
        assert!(name(9) < name(10));
        assert_eq!(number(&name(10)), Some(10));
        for other in ["manifest/", "manifest/7", "manifest/+0000000000000000007", "data"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
