module loop

go 1.25
