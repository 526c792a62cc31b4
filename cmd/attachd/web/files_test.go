package web_test

// filesViews are the pages of files and of the quarantine.
var filesViews []string
