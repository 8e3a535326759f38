package lithe

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// Scalar is what a piece of text of a request can be read as.
type Scalar interface {
	~string | ~bool | ~float32 | ~float64 |
		~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Param is one of the route's parameters as a type. The error is a 400 that names it, if it is not
// of that type or not there. A float is finite:
//
//	id, err := lithe.Param[int](event, "id")
func Param[T Scalar](event *Event, name string) (T, error) {
	text, isThere := event.request.Param(name)
	if !isThere {
		var none T
		return none, Errorf(400, "parameter `%s` is missing", name)
	}
	return parsed[T]("parameter", name, text)
}

// Value is the first value of that name in a query or a form, as a type. The error is a 400 that
// names it, if it is not of that type or not there:
//
//	page, err := lithe.Value[int](event.Query(), "page")
func Value[T Scalar](values url.Values, name string) (T, error) {
	if !values.Has(name) {
		var none T
		return none, Errorf(400, "%s `%s` is missing", ofQueryOrForm, name)
	}
	return parsed[T](ofQueryOrForm, name, values.Get(name))
}

// Values do not know where they are from.
const ofQueryOrForm = "query parameter or form field"

// ValueOr does the same as [Value], and returns `otherwise` if the name is missing.
func ValueOr[T Scalar](values url.Values, name string, otherwise T) (T, error) {
	if !values.Has(name) {
		return otherwise, nil
	}
	return Value[T](values, name)
}

// The most levels of lists and objects that [ReadJSON] reads. The decoder calls itself for each,
// and a guest's stack has room for some hundreds.
const maxLevels = 128

// ReadJSON is the body as a type. The error is a 400 that says why, if the body is not the JSON of
// the type, or has more than 128 levels of lists and objects. It is a 413 if the body is larger than
// 128 KiB.
func ReadJSON[T any](event *Event) (T, error) { return ReadJSONWithin[T](event, mostParsed) }

// ReadJSONWithin does the same as [ReadJSON] for a body of at most so many bytes. A value may take
// many times the bytes of its JSON.
func ReadJSONWithin[T any](event *Event, limit int) (value T, err error) {
	body, err := event.bodyWithin(limit, "ReadJSONWithin")
	if err != nil {
		return value, err
	}
	if isTooDeep(body) {
		return value, Errorf(400, "the body is not JSON: more than %d levels of arrays and objects", maxLevels)
	}
	if err := json.Unmarshal(body, &value); errors.As(err, new(*json.SyntaxError)) {
		return value, Errorf(400, "the body is not JSON: %v", err)
	} else if err != nil {
		return value, Errorf(400, "the body is not the expected JSON: %v", err)
	}
	return value, nil
}

// Whether there are more levels than a decoder may be given. What is not JSON may be either.
func isTooDeep(text []byte) bool {
	levels, isText := 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case isText && b == '\\':
			i++
		case b == '"':
			isText = !isText
		case isText:
		case b == '[' || b == '{':
			if levels++; levels > maxLevels {
				return true
			}
		case b == ']' || b == '}':
			levels--
		}
	}
	return false
}

func parsed[T Scalar](what, name, text string) (value T, err error) {
	wrong := "not an integer"
	switch target := reflect.ValueOf(&value).Elem(); target.Kind() {
	case reflect.String:
		target.SetString(text)
	case reflect.Bool:
		target.SetBool(text == "true")
		if text != "true" && text != "false" {
			err = strconv.ErrSyntax
		}
		wrong = "neither `true` nor `false`"
	case reflect.Float32, reflect.Float64:
		var parsed float64
		parsed, err = strconv.ParseFloat(text, target.Type().Bits())
		target.SetFloat(parsed)
		wrong = "not a number"
		if err == nil && (math.IsInf(parsed, 0) || math.IsNaN(parsed)) || strings.ContainsAny(text, "xX") {
			// The text says so, `Inf` or `NaN`, or is hexadecimal.
			err = strconv.ErrSyntax
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var parsed uint64
		parsed, err = strconv.ParseUint(strings.TrimPrefix(text, "+"), 10, target.Type().Bits())
		target.SetUint(parsed)
		if digits, isNegative := strings.CutPrefix(text, "-"); isNegative && isDigits(digits) {
			err = strconv.ErrRange
		}
	default:
		var parsed int64
		parsed, err = strconv.ParseInt(text, 10, target.Type().Bits())
		target.SetInt(parsed)
	}
	if errors.Is(err, strconv.ErrRange) {
		wrong = "out of range"
	}
	if err != nil {
		return value, Errorf(400, "%s `%s` is `%s`: %s", what, name, text, wrong)
	}
	return value, nil
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

const formType = "application/x-www-form-urlencoded"

// The type that a `content-type` names, without its parameters.
func mediaType(header string) string {
	name, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

func decodedForm(text string) url.Values {
	values := url.Values{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(strings.ReplaceAll(pair, "+", " "), "=")
		values.Add(percentDecoded(name), percentDecoded(value))
	}
	return values
}

// Bytes that are not plain become `%41`.
func percentEncoded(text string, isPlain func(byte) bool) string {
	var encoded strings.Builder
	for i := range len(text) {
		if isPlain(text[i]) {
			encoded.WriteByte(text[i])
		} else {
			fmt.Fprintf(&encoded, "%%%02X", text[i])
		}
	}
	return encoded.String()
}

// `%41` becomes `A`. What is not an escape stays as it is, and what is not UTF-8 becomes `U+FFFD`.
func percentDecoded(text string) string {
	if !strings.Contains(text, "%") {
		return strings.ToValidUTF8(text, "\ufffd")
	}
	bytes := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if value, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				bytes = append(bytes, byte(value))
				i += 2
				continue
			}
		}
		bytes = append(bytes, text[i])
	}
	return strings.ToValidUTF8(string(bytes), "\ufffd")
}
