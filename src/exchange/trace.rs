//! The trace context of W3C: which request, made somewhere, a piece of work belongs to. It says
//! nothing of what the work is about. <https://www.w3.org/TR/trace-context/> (Recommendation, 2021).

use std::fmt;
use std::str::FromStr;

/// `traceparent`, version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The whole trace; not all zeros.
    pub trace_id: [u8; 16],
    /// The span within which the work was wanted; not all zeros.
    pub span_id: [u8; 8],
    pub sampled: bool,
}

/// No `traceparent` that can be used (§3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of version 00")]
pub struct NoContext;

impl TraceContext {
    /// The context of a span within the same trace.
    pub const fn child(self, span_id: [u8; 8]) -> Self {
        Self { span_id, ..self }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-")?;
        self.span_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "-{:02x}", u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = NoContext;

    /// A higher version is read as far as version 00 goes (§3.2.1).
    fn from_str(text: &str) -> Result<Self, NoContext> {
        let mut parts = text.trim().split('-');
        let mut next = || parts.next().ok_or(NoContext);
        let version: [u8; 1] = hex(next()?)?;
        let (trace_id, span_id, [flags]) = (hex(next()?)?, hex(next()?)?, hex::<1>(next()?)?);
        let more = parts.next().is_some();
        let void = trace_id == [0; 16] || span_id == [0; 8];
        if version == [0xff] || (version == [0] && more) || void {
            return Err(NoContext);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

/// Lower-case hexadecimal only (§3.2.2).
fn hex<const N: usize>(text: &str) -> Result<[u8; N], NoContext> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(NoContext),
    };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(NoContext);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_recommendation_s_own_examples_are_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context: TraceContext = text.parse().unwrap();
        assert!(context.sampled && context.to_string() == text);
        for wrong in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(wrong.parse::<TraceContext>(), Err(NoContext), "{wrong}");
        }
        assert!(
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more".parse::<TraceContext>().is_ok()
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) {
            prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
            let context = TraceContext { trace_id, span_id, sampled };
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }

        #[test]
        fn nothing_that_is_read_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<TraceContext>();
        }
    }
}
