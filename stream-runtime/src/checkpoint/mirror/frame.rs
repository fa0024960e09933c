//! Frames: what a mirror's objects hold. They are records of the store, by key, so a mirror is independent of the
//! database's files and of the machine that wrote it.
//!
//! ```text
//! object: "sr-mir1\n" │ frames
//! frame:  1 │ key length, u8 │ key │ value length, u32 BE │ value      a record, under the key of its first part
//!         2 │ source, u16 BE                                           what the source's log has held is superseded
//! ```
//!
//! The frames of the image come first, in any order; then those of the batches, as they were planned and committed.

use super::super::key;

/// What an object opens with; its digit is the version of the format.
pub(super) const TITLE: &[u8; 8] = b"sr-mir1\n";
const RECORD: u8 = 1;
const SUPERSEDED: u8 = 2;

/// A part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A record of the store, under the key of its first part.
    Record { key: &'a [u8], value: &'a [u8] },
    /// What this source's log has held so far doesn't count any more.
    Superseded { source: u16 },
}

/// Appends a record.
pub(super) fn put_record(key: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let (Ok(key_length), Ok(length)) = (u8::try_from(key.len()), u32::try_from(value.len())) else {
        return Err(format!("can't mirror a record of {} bytes", value.len()));
    };
    out.extend_from_slice(&[RECORD, key_length]);
    out.extend_from_slice(key);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

/// Appends that a source's log begins anew.
pub(super) fn put_superseded(source: u16, out: &mut Vec<u8>) {
    out.push(SUPERSEDED);
    out.extend_from_slice(&source.to_be_bytes());
}

/// The frames of an object; the first error is the last item.
pub(super) fn frames(object: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, String>> {
    let mut rest = object.strip_prefix(TITLE);
    let mut refused = rest.is_none();
    std::iter::from_fn(move || {
        if std::mem::take(&mut refused) {
            return Some(Err("isn't a part of a mirror that this release can read".to_owned()));
        }
        let bytes = rest.filter(|rest| !rest.is_empty())?;
        match split(bytes) {
            Some((frame, after)) => {
                rest = Some(after);
                Some(Ok(frame))
            }
            None => {
                rest = None;
                Some(Err(format!("has a frame that can't be read, {} bytes before its end", bytes.len())))
            }
        }
    })
}

fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    match tag {
        RECORD => {
            let (&length, rest) = rest.split_first()?;
            let (key, rest) = rest.split_at_checked(usize::from(length))?;
            let (&length, rest) = rest.split_first_chunk::<4>()?;
            let (value, rest) = rest.split_at_checked(u32::from_be_bytes(length) as usize)?;
            let is_first_part = key::split_part(key).is_some_and(|(_, part)| part == 0);
            is_first_part.then_some((Frame::Record { key, value }, rest))
        }
        SUPERSEDED => {
            let (&source, rest) = rest.split_first_chunk::<2>()?;
            Some((Frame::Superseded { source: u16::from_be_bytes(source) }, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Vec<u8> {
        let mut object = TITLE.to_vec();
        put_record(&key::plan(7, 0), b"plan", &mut object).unwrap();
        put_superseded(3, &mut object);
        put_record(&key::metadata(0), b"", &mut object).unwrap();
        object
    }

    #[test]
    fn frames_come_back_as_they_were_put() {
        let object = object();
        let found: Vec<_> = frames(&object).map(Result::unwrap).collect();
        let plan = Frame::Record { key: &key::plan(7, 0), value: b"plan" };
        let metadata = Frame::Record { key: &key::metadata(0), value: b"" };
        assert_eq!(found, [plan, Frame::Superseded { source: 3 }, metadata]);
    }

    #[test]
    fn an_object_cut_short_gives_fewer_frames_or_an_error_and_never_a_panic() {
        let object = object();
        let whole = frames(&object).count();
        for end in 0..object.len() {
            let found: Vec<_> = frames(&object[..end]).collect();
            assert!(found.len() < whole || found.iter().any(Result::is_err), "cut at {end}");
        }
        assert!(frames(b"something else").next().unwrap().is_err());
    }
}
