package played_test

import (
	"testing"

	"lithe"
	"lithe/lithetest"
)

func TestAMiddlewareRunsAroundWhatTheTestSays(t *testing.T) {
	lithe.Middleware(func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		outcome, err := next()
		if err == nil {
			outcome.AddHeader("x-seen", event.Path())
		}
		return outcome, err
	}).Serve()
	answer := lithetest.Get("/a").Before(lithe.Text(203, "inside")).Send()
	if answer.Status != 203 || answer.Text() != "inside" || answer.Header("x-seen") != "/a" {
		t.Errorf("got %+v", answer)
	}
}

func TestAnErrorHandlerAnswersOrLetsTheFailureGoOn(t *testing.T) {
	lithe.ErrorHandler(func(event *lithe.Event, failure *lithe.Error) (*lithe.Response, error) {
		if failure.Status == 404 {
			return nil, nil
		}
		return lithe.Text(failure.Status, event.Path()+": "+failure.Message), nil
	}).Serve()
	for status, text := range map[int]string{404: "lost", 500: "/a: lost"} {
		answer := lithetest.Get("/a").Fail(lithe.Errorf(status, "lost"))
		if answer.Status != status || answer.Text() != text {
			t.Errorf("got %d %s", answer.Status, answer.Text())
		}
	}
}
