package javaruntime;

/** A reply that is not a success: its HTTP status and the reason. */
public final class Refused extends RuntimeException {

    private static final long serialVersionUID = 1L;
    public final int status;

    public Refused(int status, String reason) {
        super(reason);
        this.status = status;
    }
}
