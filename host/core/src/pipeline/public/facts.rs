//! What an open file says of itself (RFC 9110, section 8.8).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Metadata, MetadataExt as _};

use super::encodings::Encoding;

/// The last second that `last-modified` can say: years have four digits.
const LAST_SECOND: u64 = 253_402_300_799;

/// Of one state of a file: another content has another tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) size: u64,
    /// A strong tag.
    pub(super) etag: String,
    /// In whole seconds; none for a time that `last-modified` cannot say, or that is still to come.
    pub(super) modified: Option<SystemTime>,
}

impl Facts {
    /// The time of the last change is a part of the tag, too: who sets the time of modification back, as
    /// tools do that unpack or copy, cannot set that.
    pub(super) fn of(metadata: &Metadata, encoding: Option<Encoding>) -> Self {
        let size = metadata.len();
        let end = match encoding {
            None => "",
            Some(Encoding::Br) => "-br",
            Some(Encoding::Gzip) => "-gz",
        };
        let (modified, changed) = (metadata.mtime(), metadata.ctime());
        let etag = format!(
            "\"{size:x}-{modified:x}.{:x}-{changed:x}.{:x}{end}\"",
            metadata.mtime_nsec(),
            metadata.ctime_nsec()
        );
        let second = u64::try_from(modified).ok().filter(|second| *second <= LAST_SECOND);
        let time = second.and_then(|second| UNIX_EPOCH.checked_add(Duration::from_secs(second)));
        Self { size, etag, modified: time.filter(|time| *time <= SystemTime::now()) }
    }

    /// As `last-modified` has it.
    pub(super) fn last_modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }
}
