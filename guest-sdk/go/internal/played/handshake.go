//go:build !wasip1

package played

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Options say how a socket is accepted.
type Options struct {
	Protocol   string
	Headers    []Field
	Attachment []byte
	IsPinned   bool
}

// What the host itself writes into a 101, or what belongs to the connection.
var reserved = []string{
	"connection", "content-length", "date", "keep-alive", "sec-websocket-accept",
	"sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
	"sec-websocket-version", "trailer", "transfer-encoding", "upgrade",
}

func IsUpgradeRequest(request *Request) bool {
	return request.Method == "GET" &&
		hasToken(request, "connection", "upgrade") && hasToken(request, "upgrade", "websocket")
}

// RequestedProtocols is what `sec-websocket-protocol` offers, in order.
func RequestedProtocols(request *Request) []string {
	return tokens(request, "sec-websocket-protocol")
}

// Upgrade accepts an upgrade, or says what its answer is.
func Upgrade(request *Request, options Options) (socket uint32, failure *Outcome) {
	if request.Method != "GET" {
		return 0, refused(405, "Method Not Allowed", Field{"allow", "GET"})
	}
	if !IsUpgradeRequest(request) {
		return 0, refused(426, "Upgrade Required", Field{"upgrade", "websocket"})
	}
	if header(request, "sec-websocket-version") != "13" {
		message := "header `sec-websocket-version` is not 13"
		return 0, refused(400, message, Field{"sec-websocket-version", "13"})
	}
	key, err := base64.StdEncoding.DecodeString(header(request, "sec-websocket-key"))
	if err != nil || len(key) != 16 {
		return 0, refused(400, "header `sec-websocket-key` is missing or malformed")
	}
	offered := RequestedProtocols(request)
	if options.Protocol != "" && !slices.Contains(offered, options.Protocol) {
		return 0, mistaken("protocol `%s` was not requested", options.Protocol)
	}
	return accept(request, options, false)
}

// Start accepts a stream, or says what its answer is.
func Start(request *Request, status int, options Options) (socket uint32, failure *Outcome) {
	if status < 200 || status > 599 {
		return 0, mistaken("status %d is not one from 200 to 599", status)
	}
	return accept(request, options, true)
}

func accept(request *Request, options Options, isStream bool) (id uint32, failure *Outcome) {
	for _, field := range options.Headers {
		if slices.Contains(reserved, strings.ToLower(field.Name)) {
			return 0, mistaken("header `%s` is the host's to set", field.Name)
		}
		if field.Name == "" || strings.ContainsAny(field.Name+field.Value, "\r\n\x00") {
			return 0, mistaken("header `%s` is malformed", field.Name)
		}
	}
	if len(options.Attachment) > AttachmentLimit {
		return 0, mistaken("the attachment is larger than %d bytes", AttachmentLimit)
	}
	if request.accepted != 0 {
		return 0, mistaken("this event has been upgraded, or its body streamed, already")
	}
	host.Lock()
	defer host.Unlock()
	host.lastSocket++
	host.sockets[host.lastSocket] = &socket{
		request: request, protocol: options.Protocol, attachment: bytes.Clone(options.Attachment),
		isPinned: options.IsPinned, isStream: isStream,
	}
	request.accepted = host.lastSocket
	return host.lastSocket, nil
}

func refused(status int, message string, headers ...Field) *Outcome {
	return &Outcome{Status: status, Headers: headers, Body: []byte(message), IsFailure: true}
}

// The guest's mistake, which the log has.
func mistaken(format string, arguments ...any) *Outcome {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	failure := internalError()
	return &failure
}

func header(request *Request, name string) string {
	for _, field := range request.Headers {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

// The items of a list header.
func tokens(request *Request, name string) (tokens []string) {
	for _, field := range request.Headers {
		if !strings.EqualFold(field.Name, name) {
			continue
		}
		for item := range strings.SplitSeq(field.Value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				tokens = append(tokens, item)
			}
		}
	}
	return tokens
}

func hasToken(request *Request, name, token string) bool {
	return slices.ContainsFunc(tokens(request, name), func(other string) bool {
		return strings.EqualFold(other, token)
	})
}
