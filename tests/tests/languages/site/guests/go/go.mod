module faulty

go 1.25
