package web

import "github.com/attachd/attachd/config"

// Config returns the configuration that is in force.
type Config func() *config.Config

func (s *Server) configRoutes() {}
