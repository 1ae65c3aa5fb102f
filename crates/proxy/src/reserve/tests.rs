use std::time::Duration;

use super::duration;

#[test]
fn a_duration_is_written_as_the_providers_write_it_and_never_too_short() {
    for (micros, written) in [
        (0, "0ms"),
        (1, "1ms"),
        (120_000, "120ms"),
        (999_001, "1s"),
        (1_500_000, "1.5s"),
        (1_020_000, "1.02s"),
        (59_999_001, "60s"),
        (61_000_001, "61.001s"),
    ] {
        let mut text = Vec::new();
        duration(Duration::from_micros(micros), &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), written, "{micros} us");
    }
}
