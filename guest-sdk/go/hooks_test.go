package lithe_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"lithe"
	"lithe/lithetest"
)

// Serves hooks at any path, by the message that each client sends.
func hear(message func(peer lithe.Peer, text string) error) {
	serve(func(app *lithe.App) {
		app.WS("/:path*", lithe.Hooks{
			Message: func(peer lithe.Peer, heard lithe.Message) error { return message(peer, heard.Text()) },
		})
	})
}

func TestTopicsReachTheirMembers(t *testing.T) {
	hear(func(peer lithe.Peer, text string) error {
		if topic, isTopic := strings.CutPrefix(text, "join "); isTopic {
			return peer.Subscribe(topic)
		}
		count := peer.Publish("room", lithe.TextMessage(text)) + lithe.Publish("room", lithe.TextMessage(text))
		return peer.SendText(fmt.Sprint(count, len(lithe.Members("room")), peer.Topics()))
	})
	ann, bob := lithetest.Get("/").Connect(t), lithetest.Get("/").Connect(t)
	ann.Send("join room", "join a")
	bob.Send("join room")
	ann.Send("hi")
	equalTexts(t, bob.Texts(), "hi", "hi")
	equalTexts(t, ann.Texts(), "hi", "3 2 [a room]")
	bob.Disconnect()
	ann.Send("hi")
	equalTexts(t, ann.Texts(), "hi", "1 1 [a room]")
	ann.Send("join " + strings.Repeat("x", 257))
	equal(t, ann.Failure(), "the topic's name is over 256 bytes")
}

func TestTimersCallAtTheirTime(t *testing.T) {
	hear(func(peer lithe.Peer, text string) error {
		if text == "once" {
			_, err := lithe.After(50*time.Millisecond, func() { peer.Fail("it is time") })
			return err
		}
		number := 0
		var timer lithe.Timer
		timer, err := lithe.Every(20*time.Millisecond, func() {
			number++
			if number == 3 {
				timer.Stop()
			}
			if err := peer.SendText(strconv.Itoa(number)); err != nil {
				panic(err)
			}
		})
		return err
	})
	client := lithetest.Get("/").Connect(t)
	client.Send("again and again")
	lithetest.Advance(45 * time.Millisecond)
	equalTexts(t, client.Texts(), "1", "2")
	lithetest.Advance(time.Second)
	equalTexts(t, client.Texts(), "3")
	client.Send("once")
	lithetest.Advance(49 * time.Millisecond)
	equal(t, client.IsClosed(), false)
	lithetest.Advance(time.Millisecond)
	equal(t, client.Failure(), "it is time")
}

func TestAttachmentsHaveTypes(t *testing.T) {
	type user struct{ Name string }
	hear(func(peer lithe.Peer, text string) error {
		user, err := lithe.Attached[user](peer)
		if errors.Is(err, lithe.ErrNoAttachment) {
			user.Name = "nobody"
		} else if err != nil {
			return err
		}
		if err := peer.SendText(user.Name); err != nil {
			return err
		}
		user.Name = text
		return lithe.Attach(peer, user)
	})
	client := lithetest.Get("/").Connect(t)
	client.Send("Ann", "Bob")
	equalTexts(t, client.Texts(), "nobody", "Ann")
	client.Send(strings.Repeat("x", 16<<10))
	if !strings.Contains(client.Failure(), "larger than the site allows: 16384 bytes") {
		t.Error(client.Failure())
	}
}

func TestAFullQueueIsHeardOfWhenItHasEmptied(t *testing.T) {
	var waiting []string
	send := func(peer lithe.Peer) error {
		for len(waiting) > 0 {
			if err := peer.SendText(waiting[0]); errors.Is(err, lithe.ErrQueueFull) {
				return nil
			}
			waiting = waiting[1:]
		}
		return nil
	}
	serve(func(app *lithe.App) {
		app.WS("/", lithe.Hooks{
			Message: func(peer lithe.Peer, message lithe.Message) error {
				waiting = append(waiting, message.Text())
				return send(peer)
			},
			Drain: send,
		})
	})
	client := lithetest.Get("/").Connect(t)
	client.LimitOutbound(8)
	client.Send("hello", "world")
	equalTexts(t, client.Texts(), "hello")
	client.ReadAll()
	equalTexts(t, client.Texts(), "world")
}

func TestTheEndOfASocketIsHeardOfOnce(t *testing.T) {
	var ends []string
	serve(func(app *lithe.App) {
		app.Use(func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
			outcome, err := next()
			if event.Query().Has("abandon") {
				return lithe.Text(200, "instead"), nil
			}
			return outcome, err
		})
		app.WS("/", lithe.Hooks{
			Message: func(peer lithe.Peer, message lithe.Message) error { return peer.Close(4001, "bye") },
			Close: func(peer lithe.Peer, info lithe.CloseInfo) error {
				if err := peer.SendText("too late"); !errors.Is(err, lithe.ErrClosed) {
					t.Errorf("got %v", err)
				}
				ends = append(ends, fmt.Sprintf("%d %s", info.Code, info.Reason))
				return nil
			},
		})
	})
	client := lithetest.Get("/").Connect(t)
	client.Send("close", "and no more")
	code, reason := client.Closed()
	equal(t, fmt.Sprint(code, reason), "4001bye")
	client.Disconnect()
	lithetest.Get("/").Connect(t).Close(3000, "mine")
	lithetest.Get("/").Connect(t).Disconnect()
	equal(t, told(lithetest.Get("/?abandon").Upgrade().Send()), "200 instead")
	equalTexts(t, ends, "4001 bye", "3000 mine", "1006 ", "1006 ")
}

func TestStreamsAreSentPieceByPiece(t *testing.T) {
	serve(func(app *lithe.App) {
		app.Get("/events", func(event *lithe.Event) (lithe.Outcome, error) {
			return event.EventStream(func(peer lithe.Peer) error {
				if err := peer.SendEvent(lithe.ServerEvent{Data: "a\r\nb", Name: "x\ny", ID: "1"}); err != nil {
					return err
				}
				_, err := lithe.After(time.Second, func() {
					if err := errors.Join(peer.SendEvent(lithe.ServerEvent{Comment: "c"}), peer.End()); err != nil {
						panic(err)
					}
				})
				return err
			})
		})
		app.Get("/broken", func(event *lithe.Event) (lithe.Outcome, error) {
			return event.Stream(lithe.StreamOptions{
				Status: 203,
				Open:   func(lithe.Peer) error { return errors.New("broken off") },
			})
		})
	})
	answer := lithetest.Get("/events").Send()
	equal(t, answer.Header("content-type"), "text/event-stream")
	equal(t, answer.Text(), "event: x y\nid: 1\ndata: a\ndata: b\n\n")
	equal(t, answer.Stream().IsClosed(), false)
	lithetest.Advance(time.Second)
	equal(t, answer.Text(), "event: x y\nid: 1\ndata: a\ndata: b\n\n: c\n\n")
	equal(t, answer.Stream().IsClosed(), true)
	broken := lithetest.Get("/broken").Send()
	equal(t, fmt.Sprint(broken.Status, broken.Stream().Failure()), "203broken off")
}

func TestStateMovesAndIsAddedTo(t *testing.T) {
	if _, err := lithetest.Save(); err == nil || !strings.Contains(err.Error(), "would be lost") {
		t.Errorf("got %v", err)
	}
	votes := map[string]int{"a": 1}
	lithe.State[map[string]int]{
		Save: func() (map[string]int, error) {
			switch votes["a"] {
			case 3:
				return nil, errors.New("not now")
			case 4:
				panic("broken")
			}
			return votes, nil
		},
		Restore: func(saved map[string]int) error {
			for option, count := range saved {
				votes[option] += count
			}
			return nil
		},
	}.Serve()
	saved, err := lithetest.Save()
	equal(t, err, nil)
	equal(t, string(saved), `{"a":1}`)
	equal(t, lithetest.Restore(saved), nil)
	equal(t, votes["a"], 2)
	for count, reason := range map[int]string{3: "not now", 4: "panic: broken"} {
		votes["a"] = count
		if _, err := lithetest.Save(); err == nil || err.Error() != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
	if err := lithetest.Restore([]byte("[]")); err == nil || !strings.Contains(err.Error(), "not the JSON") {
		t.Errorf("got %v", err)
	}
	lithe.Health(func() error { return errors.New("sick") }).Serve()
	equal(t, lithetest.Health().Error(), "sick")
}
