module page

go 1.25
