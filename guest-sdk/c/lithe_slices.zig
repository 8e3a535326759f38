
/// What a text of the SDK is made of. An absent text is empty.
pub fn sliceOf(value: lithe_text) []const u8 {
    return if (value.data == null) "" else value.data[0..value.size];
}

/// A text for the SDK, which points to the same memory.
pub fn textOf(bytes: []const u8) lithe_text {
    return .{ .data = bytes.ptr, .size = bytes.len };
}
