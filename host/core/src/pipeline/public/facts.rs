//! The properties of an open file that its answer names (RFC 9110, section 8.8).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Metadata, MetadataExt as _};

use super::encodings::Encoding;

/// The last second that `last-modified` can express: years have four digits.
const LAST_SECOND: u64 = 253_402_300_799;

/// The properties of one state of a file: different content has a different tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) size: u64,
    /// A strong tag.
    pub(super) etag: String,
    /// In whole seconds; none for a time in the future, or one that `last-modified` cannot express.
    pub(super) modified: Option<SystemTime>,
}

impl Facts {
    /// The tag includes the time of the last change, too: tools that unpack or copy files set the
    /// time of modification back, but cannot set this time.
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

    /// The value of `last-modified`.
    pub(super) fn last_modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }
}
