package client

// walkV11 reads the list of v1.1, from a Glance or from one of the vendors'
// services, whose documentation has seven filters and no pages.
func walkV11(r *read) error {
	if r.lessons.bare {
		return walkBare(r)
	}
	w, err := beginWalk(r, false)
	if refused(err) {
		return fallBack(r)
	}
	if err != nil {
		return err
	}
	return walkFull(w)
}

// walkFull goes on from a first page that took our parameters.
func walkFull(w *walk) error {
	r := w.read
	if err := w.toEnd(); err != nil {
		return err
	}
	if w.pages == 1 && !r.lessons.checked {
		misread, err := w.misread()
		if err != nil {
			return err
		}
		if misread {
			r.giveUp("the service shows more images without our parameters than with them; they are given up")
			r.forget()
			return walkBare(r)
		}
	}
	r.lessons.checked = w.first.listed > 0 // an empty list proves nothing
	w.commitFirst()
	return nil
}

// walkBare reads the list by the documented parameters alone.
func walkBare(r *read) error {
	return finish(beginWalk(r, true))
}

// fallBack deals with a service that refuses our first request. Either it knows
// the documented parameters only, and has no pages; or it is a Glance whose
// refusal had another cause. One request with the last image as the marker, and
// nothing else that is not documented, decides.
func fallBack(r *read) error {
	w, err := beginWalk(r, true)
	if err != nil {
		return err // of a request that is within the documentation
	}
	if w.first.listed == 0 {
		return insist(r)
	}
	probe, err := w.next()
	switch {
	case err != nil && !refused(err):
		return err
	case err == nil && (probe.fresh > 0 || probe.listed == 0):
		return insist(r) // it knows markers
	default:
		r.lessons.bare, r.lessons.whole = true, true
		r.client.config.Trace.Notice("the service refuses parameters beyond the documented filters; its answer without them is taken for the whole list",
			"images", w.first.listed)
	}
	w.commitFirst()
	return nil
}

// insist asks again with all our parameters, of a service that has refused them
// once and yet seems to page: if that was a stray refusal, a lesson from it would
// hide images for ever. If it refuses again, it does not want them.
func insist(r *read) error {
	r.forget()
	w, err := beginWalk(r, false)
	if refused(err) {
		r.giveUp("the service refuses our parameters; they are given up")
		return walkBare(r)
	}
	if err != nil {
		return err
	}
	return walkFull(w)
}
