//! What in a line keeps one tool or another from reading it as it is meant.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the file is not UTF-8: the AWS CLI and boto3 refuse it, the SDK for Rust takes it for empty")]
    NotUtf8,
    #[error("the file begins with a byte order mark: the AWS CLI, boto3 and the SDK for Rust refuse it")]
    ByteOrderMark,
    #[error("“{0}:” has a colon where the SDK for Rust wants “=”, and refuses the file")]
    Colon(String),
    #[error("what follows “#” or “;” is a part of the value to the AWS CLI and boto3")]
    InlineComment,
    #[error("[{name}] stands in line {first} already: the AWS CLI and boto3 refuse the file")]
    SectionTwice { name: String, first: usize },
    #[error("“{key}” stands in line {first} already: the AWS CLI and boto3 refuse the file")]
    KeyTwice { key: String, first: usize },
    #[error("the SDKs for Rust and JavaScript do not see [{0}], because of the characters in its name")]
    NameNotForAll(String),
    #[error("the SDK for JavaScript does not see “{0}”, because of its capital letters")]
    CapitalKey(String),
    #[error("the SDK for Rust refuses the file, because this line is indented")]
    Indented,
    #[error("the line is no “key = value”: the AWS CLI, boto3 and the SDK for Rust refuse the file")]
    NoEquals,
    #[error("the SDK for Rust sees no “key = value” in the line, and refuses the file")]
    NoEqualsForRust,
    #[error(
        "a character in the line ends it for the AWS CLI and boto3, which refuse the file: what follows is no “key = value”"
    )]
    EndsWithin,
    #[error(
        "the SDK for Rust takes white space in the line, which is other than blanks and tabs, for a part of the words"
    )]
    OddSpace,
    #[error(
        "the SDK for Rust refuses the file, because the white space in front of the line is other than blanks and tabs"
    )]
    OddSpaceInFront,
    #[error("the header of a section is not closed, or goes on behind it: the SDK for Rust refuses the file")]
    UnclearHeader,
    #[error("the header of a section is empty: the AWS CLI and boto3 refuse the file")]
    EmptyHeader,
    #[error("the line stands before any section: the AWS CLI, boto3 and the SDK for Rust refuse the file")]
    NoSection,
    #[error("[default] and [profile default] are both here: tools take one or the other")]
    DefaultTwice,
    #[error("no tool reads [{0}] as a profile")]
    NotAProfile(String),
    #[error(
        "the AWS CLI, boto3 and the SDKs for Rust and JavaScript do not see [{0}]: it is not two words, of which quotes can make one"
    )]
    NotTwoWords(String),
    #[error("the AWS CLI and boto3 give what [DEFAULT] says to every profile")]
    DefaultForAll,
    #[error("[{0}] is in the credentials file too, where the same keys win over these")]
    InBothFiles(String),
    #[error("the profile has an sso_session and “{0}” of its own: the SDK for Rust refuses it")]
    SessionAndOwn(&'static str),
    #[error(
        "the profile has credential_process and sso settings: the SDK for JavaScript takes the one, all others the other"
    )]
    TwoWays,
}

/// Which tools cannot read anything of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stops {
    /// The AWS CLI and boto3.
    pub botocore: bool,
    pub rust: bool,
}

impl Trouble {
    pub fn stops(&self) -> Stops {
        let (botocore, rust) = match self {
            Self::NotUtf8 | Self::ByteOrderMark | Self::NoEquals | Self::NoSection => (true, true),
            Self::SectionTwice { .. } | Self::KeyTwice { .. } | Self::EmptyHeader | Self::EndsWithin => {
                (true, false)
            }
            Self::Colon(_)
            | Self::Indented
            | Self::UnclearHeader
            | Self::NoEqualsForRust
            | Self::OddSpaceInFront => (false, true),
            Self::InlineComment
            | Self::NameNotForAll(_)
            | Self::CapitalKey(_)
            | Self::DefaultTwice
            | Self::NotAProfile(_)
            | Self::NotTwoWords(_)
            | Self::OddSpace
            | Self::DefaultForAll
            | Self::InBothFiles(_)
            | Self::SessionAndOwn(_)
            | Self::TwoWays => (false, false),
        };
        Stops { botocore, rust }
    }
}
