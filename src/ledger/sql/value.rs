//! What statements are given: values that know their type also where they are NULL.

/// A value to bind. PostgreSQL is told the types before the values, so a NULL keeps its own.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
    /// A number that no column can hold: the statement fails.
    TooLarge,
}

/// What can be bound.
pub trait Bind {
    fn value(&self) -> Value<'_>;
}

/// What has a NULL of its own type.
pub trait Typed {
    const NULL: Value<'static>;
}

macro_rules! bind {
    ($(($type:ty, $kind:ident, $value:expr)),* $(,)?) => {$(
        impl Bind for $type {
            fn value(&self) -> Value<'_> {
                Value::$kind(Some($value(self)))
            }
        }

        impl Typed for $type {
            const NULL: Value<'static> = Value::$kind(None);
        }
    )*};
}

bind![
    (i64, Integer, |number: &i64| *number),
    (u32, Integer, |number: &u32| i64::from(*number)),
    (u16, Integer, |number: &u16| i64::from(*number)),
    (u8, Integer, |number: &u8| i64::from(*number)),
    (bool, Integer, |truth: &bool| i64::from(*truth)),
    (str, Text, std::convert::identity),
    (String, Text, String::as_str),
    ([u8], Bytes, std::convert::identity),
    (Vec<u8>, Bytes, Vec::as_slice),
];

impl Bind for u64 {
    fn value(&self) -> Value<'_> {
        i64::try_from(*self).map_or(Value::TooLarge, |number| Value::Integer(Some(number)))
    }
}

impl Typed for u64 {
    const NULL: Value<'static> = Value::Integer(None);
}

impl<const N: usize> Bind for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl<const N: usize> Typed for [u8; N] {
    const NULL: Value<'static> = Value::Bytes(None);
}

impl<T: Bind + ?Sized> Bind for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Typed + ?Sized> Typed for &T {
    const NULL: Value<'static> = T::NULL;
}

impl<T: Bind + Typed> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(T::NULL, Bind::value)
    }
}

/// The parameters of a statement: `params![..]`, or an array of values of one type.
pub trait Parameters {
    /// Gives them to `to`, in their order.
    fn bind<T>(&self, to: impl FnOnce(&[Value<'_>]) -> T) -> T;
}

impl<const N: usize> Parameters for &[&dyn Bind; N] {
    fn bind<T>(&self, to: impl FnOnce(&[Value<'_>]) -> T) -> T {
        to(&self.map(Bind::value))
    }
}

/// One type only, so that `[]` needs no annotation.
impl Parameters for [&'static str; 0] {
    fn bind<T>(&self, to: impl FnOnce(&[Value<'_>]) -> T) -> T {
        to(&[])
    }
}

macro_rules! arrays_of {
    ($($length:literal),*) => {$(
        impl<B: Bind> Parameters for [B; $length] {
            fn bind<T>(&self, to: impl FnOnce(&[Value<'_>]) -> T) -> T {
                to(&self.each_ref().map(Bind::value))
            }
        }
    )*};
}

arrays_of!(1, 2, 3, 4);

/// Parameters of several types, in their order: `?1`, `?2`, …
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::ledger::sql::Bind),*]
    };
}
pub(crate) use params;
