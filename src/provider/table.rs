//! The macros that read the FUNCTION TABLE. Nothing here knows any one function.

/// Makes the functions of all three versions, their lists (each has those of the versions before
/// it, too), and their rows.
macro_rules! functions {
    ($($list:ident: $type:ident = $version:tt { $($name:ident $parameters:tt $answer:tt)* })*) => {
        $($(function! { $name $parameters $answer })*)*

        /// Every function of the three lists.
        pub const FUNCTIONS: &[Function] = &[
            $($(Function {
                name: stringify!($name),
                version: $version,
                answer: answer!($answer),
            },)*)*
        ];

        lists! { [] $($list: $type = $version { $($name)* })* }
    };
}

/// The function lists, from the functions of earlier versions and those of each one.
macro_rules! lists {
    ([$($earlier:ident)*]) => {};
    (
        [$($earlier:ident)*]
        $list:ident: $type:ident = ($major:literal, $minor:literal) { $($name:ident)* }
        $($later:tt)*
    ) => {
        pub(crate) static $list: Writable<$type> = Writable::new($type {
            version: CK_VERSION { major: $major, minor: $minor },
            $($earlier: Some($earlier),)*
            $($name: Some($name),)*
        });

        lists! { [$($earlier)* $($name)*] $($later)* }
    };
}

/// How a function answers, for its row.
macro_rules! answer {
    ({ unsupported }) => {
        Answer::NotSupported
    };
    ({ not_parallel }) => {
        Answer::NotParallel
    };
    ($other:tt) => {
        Answer::Supported
    };
}

/// One exported function: takes its parameters one by one, each into the C parameters that it
/// stands for and the claim that is made of them, then writes the function.
macro_rules! function {
    ($name:ident ($($parameters:tt)*) $answer:tt) => {
        function! { @ $name [] [] ($($parameters)*) $answer }
    };

    (@ $name:ident $c:tt $claims:tt ($arg:ident: Slot $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims [$arg: CK_SLOT_ID] [SlotId($arg)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Session $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: CK_SESSION_HANDLE] [SessionHandle($arg)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Object $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: CK_OBJECT_HANDLE] [ObjectHandle($arg)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: MechanismId $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: CK_MECHANISM_TYPE] [MechanismId($arg)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: As($type:ty) $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims [$arg: $type] [$arg] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: To($type:ty) $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut $type] [claim!(memory::Pointer, $arg)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Any($type:ty) $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: CK_VOID_PTR] [claim!(memory::Pointer, $arg.cast::<$type>())]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Text $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_UTF8CHAR] [claim!(memory::Text, $arg)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Label $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_UTF8CHAR] [claim!(memory::Array, $arg, 32)] ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Input $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_BYTE, length: CK_ULONG] [claim!(memory::Input, $arg, length)]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Parameter $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: CK_VOID_PTR, length: CK_ULONG] [claim!(memory::Input, $arg.cast(), length)]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Room $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_BYTE, length: CK_ULONG] [claim!(memory::Room, $arg, length)]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Output $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_BYTE, length: *mut CK_ULONG] [claim!(memory::Output, $arg, length)]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: List($type:ty) $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut $type, count: *mut CK_ULONG] [claim!(memory::List, $arg, count)]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Template $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_ATTRIBUTE, count: CK_ULONG] [claim!(memory::Array, $arg, count)]
            ($($($rest)*)?) $answer }
    };
    (@ $name:ident $c:tt $claims:tt ($arg:ident: Objects $(, $($rest:tt)*)?) $answer:tt) => {
        function! { @push $name $c $claims
            [$arg: *mut CK_OBJECT_HANDLE, count: CK_ULONG] [claim!(memory::Array, $arg, count)]
            ($($($rest)*)?) $answer }
    };

    (@push $name:ident [$($c:tt)*] [$($claims:tt)*] [$($more:tt)*] [$claim:expr] $rest:tt $answer:tt)
    => {
        function! { @ $name [$($c)* $($more)*,] [$($claims)* $claim,] $rest $answer }
    };

    (@ $name:ident $c:tt [$($claims:tt)*] () { call $module:ident::$verb:ident($($bound:expr),*) }) => {
        function! { @write $name $c {
            boundary::call(stringify!($name), |library| {
                $module::$verb(library, $($bound,)* $($claims)*)
            })
        } }
    };
    (@ $name:ident $c:tt [$($claims:tt)*] () { alone $module:ident::$verb:ident() }) => {
        function! { @write $name $c {
            boundary::alone(stringify!($name), || $module::$verb($($claims)*))
        } }
    };
    (@ $name:ident $c:tt $claims:tt () { unsupported }) => {
        function! { @write $name $c { CKR_FUNCTION_NOT_SUPPORTED } }
    };
    (@ $name:ident $c:tt $claims:tt () { not_parallel }) => {
        function! { @write $name $c { CKR_FUNCTION_NOT_PARALLEL } }
    };

    (@write $name:ident [$($c:tt)*] $body:block) => {
        #[doc = concat!("`", stringify!($name), "` of PKCS#11.")]
        ///
        /// # Safety
        /// As the standard says of this function's arguments: what is not NULL points to memory of
        /// the length that is given with it, which nobody else uses until the call returns.
        #[unsafe(no_mangle)]
        // A function that is not supported uses none of its parameters.
        #[allow(unused_variables)]
        pub unsafe extern "C" fn $name($($c)*) -> CK_RV $body
    };
}

/// A claim about the caller's memory.
macro_rules! claim {
    ($($claim:ident)::+, $($argument:expr),+) => {
        // SAFETY: the caller of a `C_` function vouches for its arguments.
        unsafe { $($claim)::+::claim($($argument),+) }
    };
}
