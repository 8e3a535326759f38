//! A value that the host keeps with a socket: the socket's attachment, as JSON.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{AttachmentError, Result, Sender, Upgrade, UpgradeOptions};

impl Sender {
    /// The value that the upgrade's `context`, or [`set_context`](Self::set_context), left with the
    /// socket. The host keeps it as JSON in the socket's [`attachment`](Self::attachment), and a
    /// swap does not lose it. So a newer version should be able to read what an older one has left.
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// use lithe_sdk::testing::TestEvent;
    /// use lithe_sdk::{Event, Hooks, Message, Peer, Result, UpgradeOptions};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// #[derive(Default)]
    /// struct Hello;
    ///
    /// impl Hooks for Hello {
    ///     fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
    ///         let name = event.header("x-user").unwrap_or_default();
    ///         Ok(UpgradeOptions::default().context(&User { name })?)
    ///     }
    ///
    ///     fn message(&self, peer: &Peer, _: Message) -> Result<()> {
    ///         let User { name } = peer.context()?;
    ///         Ok(peer.send_text(format!("hello, {name}"))?)
    ///     }
    /// }
    ///
    /// let request = TestEvent::get("/").header("x-user", "Ann").upgrade([]);
    /// let socket = request.call_hooks(&Rc::new(Hello)).socket();
    /// socket.send_text("hi");
    /// assert_eq!(socket.sent_text(), ["hello, Ann"]);
    /// ```
    ///
    /// # Errors
    /// See [`ContextError`].
    pub fn context<T: DeserializeOwned>(&self) -> Result<T, ContextError> {
        let attachment = self.attachment();
        if attachment.is_empty() {
            return Err(ContextError::Missing);
        }
        serde_json::from_slice(&attachment).map_err(ContextError::Malformed)
    }

    /// Leaves a value with the socket, in place of its attachment: at most the site's attachment
    /// limit, 16 KiB by default, as JSON.
    ///
    /// # Errors
    /// See [`ContextError`].
    pub fn set_context<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), ContextError> {
        Ok(self.set_attachment(to_json(value)?)?)
    }
}

impl UpgradeOptions {
    /// Leaves a value with the socket, for [`Sender::context`], in place of its attachment.
    ///
    /// # Errors
    /// `value` has no JSON form. Over the site's attachment limit, the upgrade answers 500.
    pub fn context<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, ContextError> {
        Ok(self.attachment(to_json(value)?))
    }
}

impl Upgrade<'_> {
    /// See [`UpgradeOptions::context`].
    ///
    /// # Errors
    /// `value` has no JSON form.
    pub fn context<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, ContextError> {
        Ok(self.attachment(to_json(value)?))
    }
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ContextError> {
    serde_json::to_vec(value).map_err(ContextError::NotJson)
}

/// Why a context could not be read or left.
#[derive(Debug)]
pub enum ContextError {
    /// The socket has no context, or is gone.
    Missing,
    /// The context is not the JSON of the type asked for.
    Malformed(serde_json::Error),
    /// The value has no JSON form.
    NotJson(serde_json::Error),
    /// The socket is gone, or the value is too large.
    Attachment(AttachmentError),
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "the socket has no context; leave one by `context` at the upgrade, or by \
                 `set_context`",
            ),
            Self::Malformed(_) => f.write_str(
                "the socket's context is of another type; read the one that the upgrade, perhaps of \
                 an older version, has left",
            ),
            Self::NotJson(_) => f.write_str(
                "the context has no JSON form; keys of maps must be strings or numbers",
            ),
            Self::Attachment(error) => error.fmt(f),
        }
    }
}

impl Error for ContextError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(error) | Self::NotJson(error) => Some(error),
            // `Display` says it all.
            Self::Missing | Self::Attachment(_) => None,
        }
    }
}

impl From<AttachmentError> for ContextError {
    fn from(error: AttachmentError) -> Self {
        Self::Attachment(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::TestEvent;

    #[test]
    fn a_context_is_read_as_it_was_left() {
        let socket = TestEvent::get("/")
            .upgrade([])
            .call(|event| {
                let upgrade = event.ws().upgrade(async |socket| {
                    let name: String = socket.context()?;
                    socket.set_context(&[name.len()])?;
                    socket.send_text(format!("{name} {:?}", socket.context::<Vec<usize>>()?))?;
                    assert!(matches!(socket.context::<u8>(), Err(ContextError::Malformed(_))));
                    socket.set_attachment([])?;
                    assert!(matches!(socket.context::<u8>(), Err(ContextError::Missing)));
                    Ok(())
                });
                upgrade.context("Ann")?.accept()
            })
            .socket();
        assert_eq!(socket.sent_text(), ["Ann [3]"]);
        assert_eq!(socket.failure(), None);
    }

    #[test]
    fn what_has_no_json_form_and_what_is_too_large_are_told_apart() {
        let socket = TestEvent::get("/").upgrade([]).call(|event| {
            event
                .ws()
                .upgrade(async |socket| {
                    let no_json = BTreeMap::from([([1], 2)]);
                    assert!(matches!(socket.set_context(&no_json), Err(ContextError::NotJson(_))));
                    let error = socket.set_context(&"x".repeat(16 * 1024)).unwrap_err();
                    assert!(error.to_string().contains("16384 bytes"), "{error}");
                    Ok(())
                })
                .accept()
        });
        assert_eq!(socket.socket().failure(), None);
    }
}
