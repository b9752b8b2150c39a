//! What is said on a connection after the greetings: the verbs of `token::Hsm` and `token::Operator` as
//! one enum. It borrows from the caller when it is written and from the buffer when it is read. The
//! order of the variants is the wire format; new ones go to the end.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;
use token::{
    Access, Asked, Attribute, AuditFilter, AuditPlace, ClusterId, Encapsulated, HsmId, LoginAs,
    Mechanism, NewCluster, ObjectHandle, Operation, Outcome, Parameters, Produced, Request,
    Resumption, Role, SessionHandle, SlotId, Template,
};

mod greeting;
mod work;

pub(crate) use self::{
    greeting::{Hello, NEWEST, OLDEST, Proof, Purpose, Refusal, Refused, SOFTWARE, Welcome},
    work::Work,
};
pub(crate) use crate::held::{Held, Many};

/// A verb with what it is said about; its input travels beside it.
#[derive(Serialize, Deserialize)]
pub(crate) enum Verb<'a> {
    Slots,
    Token(SlotId),
    Mechanisms(SlotId),
    InitializeToken(Request, SlotId, #[serde(borrow)] &'a Bytes, &'a str),
    InitializePin(Request, SessionHandle, #[serde(borrow)] &'a Bytes),
    SetPin(
        Request,
        SessionHandle,
        #[serde(borrow)] &'a Bytes,
        &'a Bytes,
    ),
    OpenSession(SlotId, Access),
    CloseSession(SessionHandle),
    CloseSessions(SlotId),
    Session(SessionHandle),
    Login(
        SessionHandle,
        LoginAs,
        Option<&'a str>,
        #[serde(borrow)] &'a Bytes,
    ),
    Logout(SessionHandle),
    Resume(Held<'a, Resumption>),
    Create(Request, SessionHandle, Held<'a, Template>),
    Destroy(Request, SessionHandle, ObjectHandle),
    Attributes(SessionHandle, ObjectHandle, Many<'a, Asked>),
    SetAttributes(Request, SessionHandle, ObjectHandle, Held<'a, Template>),
    FindStart(SessionHandle, Many<'a, Attribute>),
    FindNext(SessionHandle, u64),
    FindEnd(SessionHandle),
    Generate(
        Request,
        SessionHandle,
        Held<'a, Mechanism>,
        Held<'a, Template>,
    ),
    Start(
        SessionHandle,
        Operation,
        Held<'a, Mechanism>,
        Option<ObjectHandle>,
    ),
    Transform(SessionHandle, Operation, Option<u64>),
    Update(SessionHandle, Operation, Option<u64>),
    Absorb(SessionHandle, Operation),
    Produce(SessionHandle, Operation, Option<u64>),
    Check {
        session: SessionHandle,
        operation: Operation,
        whole: bool,
        #[serde(borrow)]
        signature: &'a Bytes,
    },
    Cancel(SessionHandle, Operation),
    Random(SessionHandle, u64),
    CreateUser(
        Request,
        SessionHandle,
        &'a str,
        Role,
        #[serde(borrow)] &'a Bytes,
    ),
    Users(SessionHandle),
    DeleteUser(Request, SessionHandle, &'a str, Role),
    SetPassword(
        Request,
        SessionHandle,
        &'a str,
        Role,
        #[serde(borrow)] &'a Bytes,
    ),
    End,
    CreateCluster(Request, Held<'a, NewCluster>),
    Clusters,
    Cluster(Held<'a, ClusterId>),
    DeleteCluster(Request, Held<'a, ClusterId>),
    CreateHsm(Request, Held<'a, ClusterId>, &'a str),
    DeleteHsm(Request, Held<'a, ClusterId>, Held<'a, HsmId>),
    InitializeCluster(Request, Held<'a, ClusterId>, &'a str, &'a str),
    ActivateCluster(Request, Held<'a, ClusterId>, #[serde(borrow)] &'a Bytes),
    VerifyAudit(Held<'a, ClusterId>),
    UnlockUser(Request, Held<'a, ClusterId>, &'a str, Role),
    SeedRandom(SessionHandle),
    SlotEvent(bool),
    GeneratePair(
        Request,
        SessionHandle,
        Held<'a, Mechanism>,
        Held<'a, Template>,
        Held<'a, Template>,
    ),
    Copy(Request, SessionHandle, ObjectHandle, Held<'a, Template>),
    ObjectSize(SessionHandle, ObjectHandle),
    Wrap {
        session: SessionHandle,
        mechanism: Held<'a, Mechanism>,
        wrapping: ObjectHandle,
        key: ObjectHandle,
        #[serde(borrow)]
        additional: Option<&'a Bytes>,
        capacity: Option<u64>,
    },
    Unwrap {
        request: Request,
        session: SessionHandle,
        mechanism: Held<'a, Mechanism>,
        unwrapping: ObjectHandle,
        #[serde(borrow)]
        additional: Option<&'a Bytes>,
        template: Held<'a, Template>,
    },
    Derive {
        request: Request,
        session: SessionHandle,
        mechanism: Held<'a, Mechanism>,
        base: ObjectHandle,
        template: Held<'a, Template>,
        further: Many<'a, Template>,
    },
    Encapsulate {
        request: Request,
        session: SessionHandle,
        mechanism: Held<'a, Mechanism>,
        public: ObjectHandle,
        template: Held<'a, Template>,
        capacity: Option<u64>,
    },
    Decapsulate {
        request: Request,
        session: SessionHandle,
        mechanism: Held<'a, Mechanism>,
        private: ObjectHandle,
        template: Held<'a, Template>,
    },
    StartCheck(
        SessionHandle,
        Held<'a, Mechanism>,
        ObjectHandle,
        #[serde(borrow)] &'a Bytes,
    ),
    CheckStarted(SessionHandle, bool),
    AbsorbKey(SessionHandle, ObjectHandle),
    UpdateBoth(SessionHandle, Operation, Operation, Option<u64>),
    OperationState(SessionHandle, Option<u64>),
    SetOperationState(SessionHandle, Option<ObjectHandle>, Option<ObjectHandle>),
    Message {
        session: SessionHandle,
        operation: Operation,
        parameters: Held<'a, Parameters>,
        #[serde(borrow)]
        additional: &'a Bytes,
        capacity: Option<u64>,
    },
    MessageBegin(
        SessionHandle,
        Operation,
        Held<'a, Parameters>,
        #[serde(borrow)] &'a Bytes,
    ),
    MessageNext {
        session: SessionHandle,
        operation: Operation,
        parameters: Held<'a, Parameters>,
        end: bool,
        capacity: Option<u64>,
    },
    MessageCheck(
        SessionHandle,
        Held<'a, Parameters>,
        #[serde(borrow)] &'a Bytes,
    ),
    MessageCheckNext(
        SessionHandle,
        Held<'a, Parameters>,
        #[serde(borrow)] Option<&'a Bytes>,
    ),
    MessageEnd(SessionHandle, Operation),
    AuditRecords(
        Held<'a, ClusterId>,
        Held<'a, AuditPlace>,
        Held<'a, AuditFilter>,
    ),
    Find(SessionHandle, Many<'a, Attribute>, u64),
    ValidationFlags(SessionHandle),
    MessageFailed(SessionHandle, Operation),
}

/// The first objects of a search, and whether they are all: then it has ended.
#[derive(Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) objects: Vec<ObjectHandle>,
    pub(crate) is_over: bool,
}

/// Whose Init may be answered otherwise after a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody's.
    Nothing,
    /// Those of the application that says it.
    Application,
    /// Everybody's.
    Home,
}

/// An answer that has output beside it.
pub(crate) trait WithOutput {
    /// What became of the output.
    fn produced(&self) -> Produced;
}

impl WithOutput for Produced {
    fn produced(&self) -> Produced {
        *self
    }
}

impl WithOutput for Outcome {
    fn produced(&self) -> Produced {
        self.produced
    }
}

impl WithOutput for Encapsulated {
    fn produced(&self) -> Produced {
        self.produced
    }
}

/// Reads one body, all of it: bytes that nobody asked for are a fault as well.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

impl<'a> Verb<'a> {
    /// A verb, if it is one and comes with data only where there is some.
    pub(crate) fn decode(body: &'a [u8], data: &[u8]) -> Option<Self> {
        let verb: Self = read(body)?;
        let takes_data = matches!(
            verb,
            Self::Transform(..)
                | Self::Update(..)
                | Self::Absorb(..)
                | Self::Check { whole: true, .. }
                | Self::SeedRandom(..)
                | Self::Unwrap { .. }
                | Self::Decapsulate { .. }
                | Self::CheckStarted(_, true)
                | Self::UpdateBoth(..)
                | Self::SetOperationState(..)
                | Self::Message { .. }
                | Self::MessageNext { .. }
                | Self::MessageCheck(..)
                | Self::MessageCheckNext(..)
        );
        (takes_data || data.is_empty()).then_some(verb)
    }

    /// A Start, and the verb that goes on with what it begins.
    pub(crate) fn decode_joined(body: &'a [u8], data: &[u8]) -> Option<(Self, Self)> {
        let (start, rest) = postcard::take_from_bytes::<Self>(body).ok()?;
        let next = Self::decode(rest, data)?;
        let Self::Start(session, operation, ..) = &start else {
            return None;
        };
        let goes_on = next.goes_on_with()? == (*session, *operation);
        goes_on.then_some((start, next))
    }

    /// The operation that the verb goes on with.
    fn goes_on_with(&self) -> Option<(SessionHandle, Operation)> {
        match self {
            Self::Transform(session, operation, _)
            | Self::Update(session, operation, _)
            | Self::Absorb(session, operation)
            | Self::Produce(session, operation, _)
            | Self::Check {
                session, operation, ..
            } => Some((*session, *operation)),
            Self::AbsorbKey(session, _) => Some((*session, Operation::Digest)),
            Self::CheckStarted(session, _) => Some((*session, Operation::Verify)),
            _ => None,
        }
    }

    /// The operations that an error ends, where the verb goes on with some.
    pub(crate) fn ends_by_an_error(&self) -> Option<(SessionHandle, [Operation; 2])> {
        match self {
            Self::UpdateBoth(session, cipher, beside, _) => Some((*session, [*cipher, *beside])),
            verb => {
                let (session, operation) = verb.goes_on_with()?;
                Some((session, [operation; 2]))
            }
        }
    }

    /// The message that the verb goes on with, of the operation that it names.
    pub(crate) fn message(&self) -> Option<(SessionHandle, Operation)> {
        match self {
            Self::MessageNext {
                session, operation, ..
            } => Some((*session, *operation)),
            Self::MessageCheckNext(session, ..) => Some((*session, Operation::MessageVerify)),
            _ => None,
        }
    }

    /// How far the verb reaches: whose Init may be answered otherwise after it. What only makes
    /// something that was not there before makes no Init fail.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Slots
            | Self::Token(..)
            | Self::Mechanisms(..)
            | Self::OpenSession(..)
            | Self::Session(..)
            | Self::Create(..)
            | Self::Attributes(..)
            | Self::FindStart(..)
            | Self::FindNext(..)
            | Self::FindEnd(..)
            | Self::Generate(..)
            | Self::Start(..)
            | Self::Transform(..)
            | Self::Update(..)
            | Self::Absorb(..)
            | Self::Produce(..)
            | Self::Check { .. }
            | Self::Cancel(..)
            | Self::Random(..)
            | Self::Users(..)
            | Self::End
            | Self::Clusters
            | Self::Cluster(..)
            | Self::VerifyAudit(..)
            | Self::SeedRandom(..)
            | Self::SlotEvent(..)
            | Self::GeneratePair(..)
            | Self::Copy(..)
            | Self::ObjectSize(..)
            | Self::Wrap { .. }
            | Self::Unwrap { .. }
            | Self::Derive { .. }
            | Self::Encapsulate { .. }
            | Self::Decapsulate { .. }
            | Self::StartCheck(..)
            | Self::CheckStarted(..)
            | Self::AbsorbKey(..)
            | Self::UpdateBoth(..)
            | Self::OperationState(..)
            | Self::SetOperationState(..)
            | Self::Message { .. }
            | Self::MessageBegin(..)
            | Self::MessageNext { .. }
            | Self::MessageCheck(..)
            | Self::MessageCheckNext(..)
            | Self::MessageEnd(..)
            | Self::AuditRecords(..)
            | Self::Find(..)
            | Self::ValidationFlags(..)
            | Self::MessageFailed(..) => Reach::Nothing,
            Self::CloseSession(..)
            | Self::CloseSessions(..)
            | Self::Login(..)
            | Self::Logout(..)
            | Self::Resume(..) => Reach::Application,
            Self::Destroy(_, _, object) | Self::SetAttributes(_, _, object, _) => {
                match object.is_session() {
                    true => Reach::Application,
                    false => Reach::Home,
                }
            }
            Self::InitializeToken(..)
            | Self::InitializePin(..)
            | Self::SetPin(..)
            | Self::CreateUser(..)
            | Self::DeleteUser(..)
            | Self::SetPassword(..)
            | Self::CreateCluster(..)
            | Self::DeleteCluster(..)
            | Self::CreateHsm(..)
            | Self::DeleteHsm(..)
            | Self::InitializeCluster(..)
            | Self::ActivateCluster(..)
            | Self::UnlockUser(..) => Reach::Home,
        }
    }

    /// The verb's name, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Login(..) => "login",
            Self::Start(..) => "start",
            Self::Transform(..) => "transform",
            Self::Generate(..) => "generate",
            Self::Create(..) => "create",
            Self::Resume(..) => "resume",
            Self::SlotEvent(..) => "slot_event",
            Self::GeneratePair(..) => "generate_pair",
            Self::Wrap { .. } => "wrap",
            Self::Unwrap { .. } => "unwrap",
            Self::Derive { .. } => "derive",
            Self::Encapsulate { .. } => "encapsulate",
            Self::Decapsulate { .. } => "decapsulate",
            Self::Message { .. } | Self::MessageNext { .. } => "message",
            Self::End => "end",
            _ => "verb",
        }
    }
}
