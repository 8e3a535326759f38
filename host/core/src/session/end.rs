//! How a session ends, and the close codes for it (RFC 6455, section 7.4).

use std::borrow::Cow;

use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::capability::socket::CloseInfo;

/// Why reading from the connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer sent a close frame, or answered ours.
    Closed { code: u16, reason: String },
    /// The peer broke a rule, or the site has no memory for its message. The host tells it so.
    Violation { code: u16, reason: Cow<'static, str> },
    /// The peer has not answered our close frame in time.
    Unanswered,
    /// The connection is lost, or has to be dropped.
    Lost,
}

impl End {
    /// The peer sent a close frame. A frame without a code counts as 1005.
    pub(crate) fn closed(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => {
                Self::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
            }
            None => Self::Closed { code: 1005, reason: String::new() },
        }
    }

    /// The peer sends more messages than it may.
    pub(crate) fn too_many() -> Self {
        Self::Violation { code: 1008, reason: "too many messages in one second".into() }
    }

    /// Reading failed with this error.
    pub(crate) fn failed(error: &Error) -> Self {
        let (code, reason) = match error {
            Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
                let reason = format!("the message limit is {max_size} bytes");
                return Self::Violation { code: 1009, reason: reason.into() };
            }
            Error::Capacity(_) => (1009, "too large"),
            Error::Utf8(_) => (1007, "text must be UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Self::Lost,
            Error::Protocol(_) => (1002, "protocol error"),
            _ => return Self::Lost,
        };
        Self::Violation { code, reason: reason.into() }
    }

    /// Whether a message was over `limits.message`.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, Self::Violation { code: 1009, .. })
    }

    /// What the guest is told.
    pub(crate) fn info(&self) -> CloseInfo {
        match self {
            Self::Closed { code, reason } => {
                CloseInfo { code: *code, reason: reason.clone(), clean: true }
            }
            Self::Violation { code, reason } => {
                CloseInfo { code: *code, reason: reason.clone().into_owned(), clean: false }
            }
            Self::Unanswered | Self::Lost => CloseInfo::lost(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_close_code() {
        let too_long = CapacityError::MessageTooLong { size: 2, max_size: 1 };
        assert_eq!(End::failed(&Error::Capacity(too_long)).info().code, 1009);
        assert_eq!(End::failed(&Error::Utf8(String::new())).info().code, 1007);
        let masked = ProtocolError::UnmaskedFrameFromClient;
        assert_eq!(End::failed(&Error::Protocol(masked)).info().code, 1002);
        let reset = ProtocolError::ResetWithoutClosingHandshake;
        assert_eq!(End::failed(&Error::Protocol(reset)), End::Lost);
        assert_eq!(End::failed(&Error::ConnectionClosed), End::Lost);
    }

    #[test]
    fn a_close_frame_without_a_code_is_1005() {
        assert_eq!(End::closed(None).info().code, 1005);
    }
}
