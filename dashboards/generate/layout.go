package main

// columns is the width of Grafana's grid.
const columns = 24

// line is panels side by side, of one height.
type line struct {
	height int
	panels []*panel
}

// row is lines of panels under a title. That of the first screen has none.
type row struct {
	title     string
	collapsed bool // for what costs many series: it is queried when it is opened
	lines     []line
}

// side puts panels side by side. A panel that has no width yet shares what the
// others leave.
func side(height int, panels ...*panel) line {
	left, open := columns, 0
	for _, p := range panels {
		left -= p.GridPos.W
		if p.GridPos.W == 0 {
			open++
		}
	}
	for _, p := range panels {
		if p.GridPos.W == 0 {
			p.GridPos.W = left / open
		}
	}
	return line{height, panels}
}

// wide gives a panel its width.
func (p *panel) wide(width int) *panel {
	p.GridPos.W = width
	return p
}

// arrange gives all panels their places, and numbers them.
func arrange(rows ...row) []*panel {
	var placed []*panel
	y, id := 0, 0
	for _, r := range rows {
		var header *panel
		if r.title != "" {
			id++
			header = &panel{ID: id, Type: "row", Title: r.title, Collapsed: &r.collapsed, Panels: &[]*panel{}, GridPos: gridPos{H: 1, W: columns, Y: y}}
			placed = append(placed, header)
			y++
		}
		bottom := y
		for _, l := range r.lines {
			x := 0
			for _, p := range l.panels {
				id++
				p.ID = id
				p.GridPos = gridPos{H: l.height, W: p.GridPos.W, X: x, Y: bottom}
				x += p.GridPos.W
				if r.collapsed {
					*header.Panels = append(*header.Panels, p)
				} else {
					placed = append(placed, p)
				}
			}
			bottom += l.height
		}
		if !r.collapsed { // else it takes no more than its title
			y = bottom
		}
	}
	return placed
}
