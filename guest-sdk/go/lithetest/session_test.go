package lithetest_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lithe"
	"lithe/lithetest"
)

func init() {
	request := func(event *lithe.Event) (lithe.Outcome, error) {
		if event.IsUpgradeRequest() {
			return event.Upgrade(lithe.UpgradeOptions{})
		}
		return event.Stream(lithe.StreamOptions{Open: func(peer lithe.Peer) error {
			return peer.SendText("a body")
		}})
	}
	lithe.Session{Request: request, Run: func(socket lithe.Socket) error {
		if err := socket.SendText("hello"); err != nil {
			return err
		}
		for message := range socket.Messages() {
			switch message.Text() {
			case "end":
				return nil
			case "fail":
				return errors.New("as told")
			case "wait":
				received := socket.ReceiveWithin(time.Second)
				if received.Message == nil && received.Closed == nil {
					message = lithe.TextMessage("the time is up")
				} else if received.Message != nil {
					message = *received.Message
				}
			}
			if err := socket.Send(message); err != nil {
				return err
			}
		}
		return socket.SetAttachment(nil)
	}}.Serve()
}

func expect(t *testing.T, client *lithetest.Client, want ...string) {
	t.Helper()
	if got := client.Texts(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALoopAnswersWhileItsClientWaits(t *testing.T) {
	one, two := lithetest.Get("/").Connect(t), lithetest.Get("/").Connect(t)
	expect(t, one, "hello")
	one.Send("a", "b")
	expect(t, one, "a", "b")
	one.Send("wait")
	expect(t, one)
	lithetest.Advance(time.Second)
	expect(t, one, "the time is up")
	one.Send("wait", "in time")
	expect(t, one, "in time")
	one.Send("end")
	if code, _ := one.Closed(); code != 1000 {
		t.Errorf("got %d", code)
	}
	two.Send("fail")
	if code, _ := two.Closed(); code != 1011 || two.Failure() != "as told" {
		t.Errorf("got %d %s", code, two.Failure())
	}
}

func TestALoopHearsOfTheEnd(t *testing.T) {
	client := lithetest.Get("/").Connect(t)
	client.Send("wait")
	client.Disconnect()
	if client.Failure() != "" || !client.IsClosed() {
		t.Errorf("got %q", client.Failure())
	}
}

func TestABodyEndsWithItsFunction(t *testing.T) {
	answer := lithetest.Get("/").Send()
	if answer.Text() != "a body" || !answer.Stream().IsClosed() {
		t.Errorf("got %q", answer.Text())
	}
}
