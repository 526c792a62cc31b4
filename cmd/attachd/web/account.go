package web

func (s *Server) accountRoutes() {}
